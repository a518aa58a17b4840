import { type AddOptions, parseAddOptions, type ReadAddOptions } from '../model/add-options.ts'
import type { AnyTaskDefinition } from '../model/definition.ts'
import type { Durability, Instant, NewTask, StoredValue, TaskId } from '../model/task.ts'
import { encodeValue } from './codec.ts'
import { validateInput } from './input-schema.ts'

/** What was checked of one add. */
export interface ReadAdd {
  readonly options: ReadAddOptions
  /** When it may run; undefined is at once. */
  readonly dueAt: Instant | undefined
}

/** Where and how a task is added, besides what its `add` says. */
export interface AddFacts {
  readonly now: Instant
  readonly inputBytesMax: number
  /** Where the add does not say. */
  readonly durability: Durability
  readonly requestId: string | undefined
  readonly carried: StoredValue | undefined
  /** For a task that was given none. */
  id(): TaskId
}

/**
 * Checks options and input of an add, before anything is made of them.
 *
 * @throws TASK_INPUT_INVALID, TASK_SCHEMA_ASYNC, TASK_ID_INVALID, OPTION_UNKNOWN, OPTION_INVALID, OPTIONS_INVALID, OPTIONS_CONFLICT,
 *   DURATION_INVALID.
 */
export function readAdd(
  definition: AnyTaskDefinition,
  input: unknown,
  given: AddOptions | undefined,
  now: Instant,
): ReadAdd {
  const options = parseAddOptions(given, definition.name)
  validateInput(definition, input)
  const dueAt = options.runAt ?? (options.delayMs === undefined ? undefined : now + options.delayMs)
  return { options, dueAt: dueAt !== undefined && dueAt > now ? dueAt : undefined }
}

/**
 * Checks a task that an attempt adds and makes its row: plain data alone, for it may cross from an isolate, or lie in a row of
 * outcome until it is stored.
 *
 * @throws what `readAdd` throws; TASK_INPUT_NOT_STORABLE, TASK_INPUT_TOO_LARGE.
 */
export function newTask(
  definition: AnyTaskDefinition,
  input: unknown,
  given: AddOptions | undefined,
  facts: AddFacts,
): NewTask {
  const { name } = definition
  const { now, inputBytesMax, durability, requestId, carried } = facts
  const { options, dueAt } = readAdd(definition, input, given, now)
  return {
    id: options.id ?? facts.id(),
    name,
    queue: options.queue ?? definition.queue,
    version: definition.version,
    priority: options.priority ?? definition.priority,
    dueAt,
    addedAt: now,
    input: encodeValue(input, { what: 'input', name, bytesMax: inputBytesMax }),
    durability: options.durability ?? durability,
    requestId,
    carried,
    idempotent: options.id !== undefined,
    series: undefined,
    after: undefined,
    claimFor: undefined,
  }
}
