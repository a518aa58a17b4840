import { guarded } from './guard.ts'

/** A promise that does nothing until somebody waits for it, as those of Prisma. */
interface LazyPromise extends PromiseLike<unknown> {
  readonly [Symbol.toStringTag]: 'PrismaPromise'
}

/** What is done besides counting. */
export interface CallsOptions {
  /** Told why a call has failed. */
  readonly failed?: (error: unknown) => void
  /** Has a lazy promise begin. By default at once. */
  readonly send?: (statement: () => PromiseLike<unknown>) => Promise<unknown>
}

/** Counts calls that have no answer yet. */
export class Calls {
  readonly #failed: (error: unknown) => void
  readonly #send: CallsOptions['send']
  #count = 0

  constructor({ failed = () => {}, send }: CallsOptions = {}) {
    this.#failed = failed
    this.#send = send
  }

  /** Calls without an answer. */
  get count(): number {
    return this.#count
  }

  /**
   * Counts a promise until it is settled, and gives what is to be handed on for it; anything else stays what it is.
   *
   * A lazy promise counts from its making: one for which nobody waits is a query that is never sent.
   */
  follow(answer: unknown): unknown {
    if (answer instanceof Promise) {
      this.#until(answer, this.#begin())
      return answer
    }
    return isLazy(answer) ? this.#followLazy(answer) : answer
  }

  #followLazy(promise: LazyPromise): LazyPromise {
    const over = this.#begin()
    let sent: PromiseLike<unknown> | undefined
    const begun = (): PromiseLike<unknown> => {
      if (sent !== undefined) return sent
      sent = this.#send === undefined ? promise : this.#send(() => promise)
      this.#until(sent, over)
      return sent
    }
    return new Proxy(promise, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function' || typeof key === 'symbol') return value
        return (...args: unknown[]): unknown => {
          if (key === 'then' || key === 'catch' || key === 'finally') {
            const wait = begun() as Promise<unknown>
            return (wait[key] as (...args: unknown[]) => unknown)(...args)
          }
          // A relation, `db.user.findUnique(…).posts()`, is one query that takes the place of the first.
          over()
          return this.follow(Reflect.apply(value, target, args))
        }
      },
    })
  }

  #until(answer: PromiseLike<unknown>, over: (error?: unknown) => void): void {
    answer.then(
      () => over(),
      (error: unknown) => over(error),
    )
  }

  /** What ends the call, with what it failed of; only the first time counts. */
  #begin(): (error?: unknown) => void {
    let isOpen = true
    this.#count++
    return (error) => {
      if (!isOpen) return
      isOpen = false
      this.#count--
      if (error !== undefined) this.#failed(error)
    }
  }
}

/** The handle of a session whose calls, and those of its parts, are counted from the moment that they are made. */
export function counted<T extends object>(handle: T, calls: Calls, isPart: (value: object) => boolean): T {
  return guarded(handle, () => undefined, { isPart, answered: (answer) => calls.follow(answer) })
}

function isLazy(answer: unknown): answer is LazyPromise {
  return typeof answer === 'object' && answer !== null && Reflect.get(answer, Symbol.toStringTag) === 'PrismaPromise'
}
