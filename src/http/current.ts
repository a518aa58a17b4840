import { AsyncLocalStorage } from 'node:async_hooks'

/** One request under the care of an adapter: hands out the one task list that all code below the handler shares. */
export interface Scope<T> {
  readonly tasks: T
  /** What the request is called in messages: `request POST /signup`. */
  readonly name: string
  /** Whether its answer has left, or is about to. */
  readonly isAnswered: boolean
}

const storage = new AsyncLocalStorage<Scope<unknown>>()

/** Runs `callback` so that `currentScope()` finds `scope` in it and in all that it awaits. */
export function inScope<R>(scope: Scope<unknown>, callback: () => R): R {
  return storage.run(scope, callback)
}

/**
 * The same for what follows in this turn, for a caller that is left by its own callback only: half the price of `inScope`.
 * It ends with the callback of the HTTP parser, and the next request of the connection enters anew.
 */
export function enterScope(scope: Scope<unknown>): void {
  storage.enterWith(scope)
}

/** The scope of the request that is being handled, if an adapter looks after it. */
export function currentScope(): Scope<unknown> | undefined {
  return storage.getStore()
}
