import { newTask } from '../engine/new-task.ts'
import type { AddOptions } from '../model/add-options.ts'
import type { AnyTaskDefinition } from '../model/definition.ts'
import { AfterwordError } from '../model/errors.ts'
import { received } from '../model/received.ts'
import type { TaskHandle } from '../model/task-handle.ts'
import type { ClaimedTask, NewTask, TaskId } from '../model/task.ts'
import type { AddingRules } from '../ports/executor.ts'
import { createIds, systemClock } from '../ports/system.ts'

const ids = createIds(systemClock)

/**
 * What an attempt in an isolate adds: checked at once, by what its background has said of itself, and kept until the attempt has
 * succeeded. Then it leaves with the result.
 */
export class AddingThere {
  readonly #by: ClaimedTask
  readonly #rules: AddingRules
  #tasks: NewTask[] = []
  #isOver = false

  constructor(by: ClaimedTask, rules: AddingRules) {
    this.#by = by
    this.#rules = rules
  }

  /** Throws what `context.add` throws. */
  add(definition: AnyTaskDefinition, input: unknown, options: AddOptions | undefined): TaskHandle {
    const name = this.#checked(definition)
    const { inputBytesMax, durability } = this.#rules
    const { requestId, carried, name: by } = this.#by
    const now = systemClock.now()
    const id = (): TaskId => ids.task()
    const task = newTask(definition, input, options, { now, inputBytesMax, durability, requestId, carried, id })
    // What the attempt left running has nothing to add to.
    if (this.#isOver) return handle(task.id, () => new AfterwordError('ADDED_BY_FAILED_ATTEMPT', { name, by }))
    this.#tasks.push(task)
    return handle(task.id, () => new AfterwordError('ADDED_IN_ISOLATE', { name }))
  }

  /** Takes what was added; from here on there is nothing to add to. */
  end(): readonly NewTask[] {
    this.#isOver = true
    const tasks = this.#tasks
    this.#tasks = []
    return tasks
  }

  /** Throws TASK_NOT_REGISTERED, BUFFER_FULL, BACKLOG_FULL. */
  #checked(definition: AnyTaskDefinition): string {
    const { names, bufferMax, live, backlogMax } = this.#rules
    if (!isDefinition(definition) || !names.includes(definition.name)) {
      const name: unknown = (definition as { name?: unknown } | null | undefined)?.name
      throw new AfterwordError('TASK_NOT_REGISTERED', { name: typeof name === 'string' ? name : received(definition) })
    }
    const { name } = definition
    const buffered = this.#tasks.length
    if (buffered >= bufferMax) throw new AfterwordError('BUFFER_FULL', { name, buffered, max: bufferMax })
    if (live >= backlogMax) throw new AfterwordError('BACKLOG_FULL', { name, live, max: backlogMax })
    return name
  }
}

/** By its shape: a module that was bundled has made it with a copy of the library, and the background has another one of that name. */
function isDefinition(given: unknown): given is AnyTaskDefinition {
  const { name, queue, priority, version, run } = (given ?? {}) as Partial<AnyTaskDefinition>
  const isNamed = typeof name === 'string' && typeof queue === 'string'
  return isNamed && typeof priority === 'number' && typeof version === 'number' && typeof run === 'function'
}

/** The task is stored when its attempt is over, where its background is: nobody can be told of it here. */
function handle(id: TaskId, why: () => AfterwordError): TaskHandle {
  return {
    id,
    get committed(): Promise<void> {
      const refused = Promise.reject(why())
      // Whoever asked and does not look must not bring the isolate down.
      refused.catch(() => undefined)
      return refused
    },
  }
}
