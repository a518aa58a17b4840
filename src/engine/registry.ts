import type { AsyncResource } from 'node:async_hooks'
import type { AnyTaskDefinition } from '../model/definition.ts'
import { AfterwordError } from '../model/errors.ts'
import { received } from '../model/received.ts'
import type { KnownDefinition } from '../model/task.ts'
import { taskContext } from './task-context.ts'

/** A definition, and where its attempts run. */
export interface Registered {
  readonly definition: AnyTaskDefinition
  readonly context: AsyncResource
  /** Whether they run beside the event loop from here on. */
  isIsolated: boolean
}

/** The definitions that a background can run, by name. */
export class Registry {
  readonly #registered = new Map<string, Registered>()
  #names: readonly string[] | undefined

  readonly #hasSessions: boolean

  /**
   * Throws TASK_NAME_TAKEN when another definition has the name.
   *
   * @param hasSessions  whether attempts on the event loop have sessions that are not of their definition.
   */
  constructor(definitions: readonly AnyTaskDefinition[], hasSessions = false) {
    this.#hasSessions = hasSessions
    for (const definition of definitions) {
      const known = this.#registered.get(definition.name)
      if (known !== undefined && known.definition !== definition) {
        throw new AfterwordError('TASK_NAME_TAKEN', { name: definition.name })
      }
      const isIsolated = definition.isolation?.isOnBlock === false
      this.#registered.set(definition.name, { definition, context: taskContext(definition), isIsolated })
    }
  }

  /** The names of all of them. */
  get names(): readonly string[] {
    this.#names ??= [...this.#registered.keys()]
    return this.#names
  }

  /** What a worker that has them registers. */
  get known(): readonly KnownDefinition[] {
    return [...this.#registered.values()].map(({ definition: { name, version } }) => ({ name, version }))
  }

  /** The queues that the definitions name. */
  get queues(): ReadonlySet<string> {
    return new Set([...this.#registered.values()].map(({ definition }) => definition.queue))
  }

  /** The definitions that run in isolates, or may have to. */
  get isolated(): readonly AnyTaskDefinition[] {
    return [...this.#registered.values()]
      .map(({ definition }) => definition)
      .filter((definition) => this.#mayLeave(definition))
  }

  /**
   * A definition blocks the event loop again and again: its attempts run in isolates from here on. False where they do already, or may
   * not.
   */
  move(name: string): boolean {
    const known = this.#registered.get(name)
    if (known === undefined || known.isIsolated || !this.#mayLeave(known.definition)) return false
    known.isIsolated = true
    return true
  }

  get(name: string): Registered | undefined {
    return this.#registered.get(name)
  }

  /** Throws TASK_NOT_REGISTERED for a definition that is not this background's. */
  check(definition: AnyTaskDefinition): void {
    const name: unknown = (definition as AnyTaskDefinition | null | undefined)?.name
    if (typeof name !== 'string' || this.#registered.get(name)?.definition !== definition) {
      throw new AfterwordError('TASK_NOT_REGISTERED', { name: typeof name === 'string' ? name : received(definition) })
    }
  }

  /** One that would move might need a session that no isolate has, unless it says which it needs, if only `{}`. */
  #mayLeave({ isolation, sessions }: AnyTaskDefinition): boolean {
    if (isolation === undefined) return false
    return !isolation.isOnBlock || !this.#hasSessions || sessions !== undefined
  }
}
