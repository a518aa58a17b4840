import type { AnyTaskDefinition } from '../model/definition.ts'
import { AfterwordError } from '../model/errors.ts'
import { received } from '../model/received.ts'
import type { KnownDefinition } from '../model/task.ts'

/** The definitions that a background can run, by name. */
export class Registry {
  readonly #definitions = new Map<string, AnyTaskDefinition>()

  /** Throws TASK_NAME_TAKEN when another definition has the name. */
  constructor(definitions: readonly AnyTaskDefinition[]) {
    for (const definition of definitions) {
      const known = this.#definitions.get(definition.name)
      if (known !== undefined && known !== definition) {
        throw new AfterwordError('TASK_NAME_TAKEN', { name: definition.name })
      }
      this.#definitions.set(definition.name, definition)
    }
  }

  /** What a worker that has them registers. */
  get known(): readonly KnownDefinition[] {
    return [...this.#definitions.values()].map(({ name, version }) => ({ name, version }))
  }

  /** The queues that the definitions name. */
  get queues(): ReadonlySet<string> {
    return new Set([...this.#definitions.values()].map((definition) => definition.queue))
  }

  /** The definitions that want a thread. */
  get threaded(): readonly AnyTaskDefinition[] {
    return [...this.#definitions.values()].filter(({ thread }) => thread !== undefined)
  }

  get(name: string): AnyTaskDefinition | undefined {
    return this.#definitions.get(name)
  }

  /** Throws TASK_NOT_REGISTERED for a definition that is not this background's. */
  check(definition: AnyTaskDefinition): void {
    const name: unknown = (definition as AnyTaskDefinition | null | undefined)?.name
    if (typeof name !== 'string' || this.#definitions.get(name) !== definition) {
      throw new AfterwordError('TASK_NOT_REGISTERED', { name: typeof name === 'string' ? name : received(definition) })
    }
  }
}
