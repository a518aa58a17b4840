type Callable = (this: unknown, ...args: unknown[]) => unknown

/** Why something may not be used now; undefined while it may. It is told what was used: `.query`, or `()`. */
export type Refuse = (used: string) => Error | undefined

/** What a guard does besides refusing. */
export interface GuardExtras {
  /** Whether a value that the session gives is guarded as the session is: `db.user` of Prisma, a repository. */
  readonly isPart?: ((value: object) => boolean) | undefined
  /** Told what a method has answered; gives what is handed on for it. */
  readonly answered?: (answer: unknown) => unknown
}

/**
 * Stands before a session: passes everything on to it, and throws once it has ended. Methods run on the session itself, whose
 * fields may be private; one that returns the session returns this. It is as deep as `isPart` says: what else
 * a method has given (a query builder, a prepared statement) is the library's own.
 *
 * The error's stack begins with the line that used the session.
 */
export function guarded<T>(session: T, refuse: Refuse, extras: GuardExtras = {}): T {
  return isGuardable(session) ? (new Proxy<object>(session, new Guard(refuse, extras)) as T) : session
}

/** A method of the session, and what stands for it. */
interface Guarded {
  readonly of: Callable
  readonly method: Callable
}

class Guard implements ProxyHandler<object> {
  readonly #refuse: Refuse
  readonly #extras: GuardExtras
  readonly #methods = new Map<string | symbol, Guarded>()
  readonly #parts = new WeakMap<object, object>()

  constructor(refuse: Refuse, extras: GuardExtras) {
    this.#refuse = refuse
    this.#extras = extras
  }

  // Fields, not methods: each is the function above which the stack of its error is cut.

  readonly get = (target: object, key: string | symbol, proxy: unknown): unknown => {
    // `await` and the inspector look at whatever passes by: that is no use of it.
    if (!isLook(key)) this.#check(`.${String(key)}`, this.get)
    const value: unknown = Reflect.get(target, key, target)
    if (typeof value === 'function') return this.#method(target, key, value as Callable, proxy)
    return this.#isPart(value) && !isFixed(target, key) ? this.#part(value, `.${String(key)}`) : value
  }

  readonly set = (target: object, key: string | symbol, value: unknown): boolean => {
    this.#check(`.${String(key)}`, this.set)
    // On the session, not on what stands for it: a setter may keep its value in a private field.
    return Reflect.set(target, key, value, target)
  }

  readonly apply = (target: object, self: unknown, args: unknown[]): unknown => {
    this.#check('()', this.apply)
    return Reflect.apply(target as Callable, self, args)
  }

  #method(target: object, key: string | symbol, of: Callable, proxy: unknown): Callable {
    const known = this.#methods.get(key)
    if (known?.of === of) return known.method
    if (key === 'constructor' || isFixed(target, key) || (!plain.has(of) && isClass(of))) return of
    const check = (below: Callable): void => this.#check(`.${String(key)}`, below)
    const { answered } = this.#extras
    const shown = (result: unknown): unknown => {
      const answer = answered === undefined ? result : answered(result)
      return this.#isPart(answer) ? this.#part(answer, `.${String(key)}()`) : answer
    }
    const method: Callable = function (...args) {
      check(method)
      const result: unknown = Reflect.apply(of, target, args)
      return result === target ? proxy : shown(result)
    }
    copyOwn(of, method)
    this.#methods.set(key, { of, method })
    return method
  }

  #isPart(value: unknown): value is object {
    const { isPart } = this.#extras
    return isPart !== undefined && isGuardable(value) && isPart(value)
  }

  /** Guarded as the session is; an error says how it was come by: `.user.findMany`, `.getRepository().find`. */
  #part(value: object, by: string): object {
    const known = this.#parts.get(value)
    if (known !== undefined) return known
    const part = guarded(value, (used) => this.#refuse(by + used), this.#extras)
    this.#parts.set(value, part)
    return part
  }

  /** Leaves out of the stack what lies between the user's line and the error: the function `below`, and what it called. */
  #check(used: string, below: (...args: never[]) => unknown): void {
    const refused = this.#refuse(used)
    if (refused === undefined) return
    Error.captureStackTrace(refused, below)
    throw refused
  }
}

function isGuardable(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function isLook(key: string | symbol): boolean {
  return key === 'then' || typeof key === 'symbol' || key === 'constructor'
}

/** The language wants such a property to be seen as it is. */
function isFixed(target: object, key: string | symbol): boolean {
  const own = Reflect.getOwnPropertyDescriptor(target, key)
  return own !== undefined && own.configurable === false && own.writable === false
}

/** A class is not called on the session, but for `new` and `instanceof`. */
function isClass(of: Callable): boolean {
  return Reflect.getOwnPropertyDescriptor(of, 'prototype')?.writable === false
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
