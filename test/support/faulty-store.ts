import type { Store } from '../../src/ports/store.ts'
import { systemChance, systemClock } from '../../src/ports/system.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { gate } from './bench.ts'

type Verbs = Required<Store>
type Verb = { [K in keyof Verbs]: Verbs[K] extends (...args: never[]) => Promise<unknown> ? K : never }[keyof Verbs]
type Fault = (pass: () => unknown) => unknown

/** A store with faults that a test plants, each for one call. */
export class Faults {
  readonly store: Store
  readonly #planted = new Map<PropertyKey, Fault[]>()

  /** @param inner  the store behind it; by default one in memory. */
  constructor(inner: Store = new SqliteStore(undefined, { clock: systemClock, chance: systemChance })) {
    this.store = new Proxy(inner, {
      get: (target, verb) => {
        const value: unknown = Reflect.get(target, verb, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          const pass = (): unknown => Reflect.apply(value, target, args)
          const fault = this.#planted.get(verb)?.shift()
          return fault === undefined ? pass() : fault(pass)
        }
      },
    })
  }

  /** The next call of that verb is refused with this error; nothing is done. */
  refuse(verb: Verb, error: Error): void {
    this.#plant(verb, () => Promise.reject(error))
  }

  /** The next call of that verb waits until it is let go. */
  hold(verb: Verb): { readonly reached: Promise<void>; readonly letGo: () => void } {
    const [reached, open] = [gate(), gate()]
    this.#plant(verb, async (pass) => {
      reached.open()
      await open.opened
      return pass()
    })
    return { reached: reached.opened, letGo: open.open }
  }

  /** The next call of that verb is done, and its answer changed. */
  alter<V extends Verb>(verb: V, change: (answer: Awaited<ReturnType<Verbs[V]>>) => unknown): void {
    this.#plant(verb, async (pass) => change((await pass()) as Awaited<ReturnType<Verbs[V]>>))
  }

  #plant(verb: Verb, fault: Fault): void {
    this.#planted.set(verb, [...(this.#planted.get(verb) ?? []), fault])
  }
}
