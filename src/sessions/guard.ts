type Callable = (this: unknown, ...args: unknown[]) => unknown

/** Why something may not be used now; undefined while it may. It is told what was used: `.query`, or `()`. */
export type Refuse = (used: string) => Error | undefined

/**
 * Stands before a session: passes everything on to it, and throws once it has ended. Methods run on the session itself, whose
 * fields may be private; one that returns the session returns this. Costs 30 to 50 ns for each call (`bench/`).
 *
 * The error's stack begins with the line that used the session.
 */
export function guarded<T>(session: T, refuse: Refuse): T {
  const isGuardable = (typeof session === 'object' && session !== null) || typeof session === 'function'
  return isGuardable ? (new Proxy(session as object, new Guard(refuse)) as T) : session
}

class Guard implements ProxyHandler<object> {
  readonly #refuse: Refuse
  readonly #methods = new Map<string | symbol, { readonly of: Callable; readonly method: Callable }>()

  constructor(refuse: Refuse) {
    this.#refuse = refuse
  }

  get(target: object, key: string | symbol, proxy: unknown): unknown {
    // `await` and the inspector look at whatever passes by: that is no use of it.
    const refused = isLook(key) ? undefined : this.#refuse(`.${String(key)}`)
    if (refused !== undefined) throw at(refused, Guard.prototype.get)
    const value: unknown = Reflect.get(target, key, target)
    return typeof value === 'function' && !isFixed(target, key)
      ? this.#method(target, key, value as Callable, proxy)
      : value
  }

  apply(target: object, self: unknown, args: unknown[]): unknown {
    const refused = this.#refuse('()')
    if (refused !== undefined) throw at(refused, Guard.prototype.apply)
    return Reflect.apply(target as Callable, self, args)
  }

  #method(target: object, key: string | symbol, of: Callable, proxy: unknown): Callable {
    const known = this.#methods.get(key)
    if (known?.of === of) return known.method
    const refuse = this.#refuse
    const method: Callable = function (...args) {
      const refused = refuse(`.${String(key)}`)
      if (refused !== undefined) throw at(refused, method)
      const result: unknown = Reflect.apply(of, target, args)
      return result === target ? proxy : result
    }
    copyOwn(of, method)
    if (key !== 'constructor') this.#methods.set(key, { of, method })
    return key === 'constructor' ? of : method
  }
}

/** Leaves out of the stack what lies between the user's line and the error. */
function at(error: Error, below: (...args: never[]) => unknown): Error {
  Error.captureStackTrace(error, below)
  return error
}

function isLook(key: string | symbol): boolean {
  return key === 'then' || typeof key === 'symbol' || key === 'constructor'
}

/** The language wants such a property to be seen as it is. */
function isFixed(target: object, key: string | symbol): boolean {
  const own = Reflect.getOwnPropertyDescriptor(target, key)
  return own !== undefined && own.configurable === false && own.writable === false
}

function isOwnOfFunctions(key: string | symbol): boolean {
  return key === 'length' || key === 'name' || key === 'prototype' || key === 'arguments' || key === 'caller'
}

/** Methods of classes, which carry nothing: found out once, for it takes as long as the rest of a session's guard. */
const plain = new WeakSet<Callable>()

/** Functions may carry others: `knex.fn`, `sql.json`. */
function copyOwn(of: Callable, method: Callable): void {
  if (plain.has(of)) return
  const own = Reflect.ownKeys(of).filter((key) => !isOwnOfFunctions(key))
  if (own.length === 0) plain.add(of)
  for (const key of own) copyProperty(of, method, key)
}

function copyProperty(from: object, to: object, key: string | symbol): void {
  Object.defineProperty(to, key, Reflect.getOwnPropertyDescriptor(from, key)!)
}
