type Callable = (...args: readonly unknown[]) => unknown

/** Calls a method of the library. */
type Call = (method: Callable, args: readonly unknown[]) => unknown

/** What is read of a Query of postgres.js. It is begun when somebody wants its answer; a part of another query never is. */
interface Query extends Promise<unknown> {
  readonly cancel?: () => unknown
  readonly executed?: boolean
  readonly active?: boolean
  readonly cursorFn?: unknown
}

/** Never settles. */
const NEVER = new Promise<never>(() => {})

/**
 * Follows what one session of postgres.js begins: how much of it has no answer yet, and whether its connection is lost.
 *
 * postgres.js 3.4 writes to a connection that it has lost, when a transaction on it goes on or ends: the process dies of it, or
 * the statement reaches whoever has the connection next. So once it is lost nothing is begun any more, and no callback returns.
 */
export class PostgresJsQueries {
  readonly #open = new Set<Query>()
  readonly #loss = Promise.withResolvers<never>()
  #lostBy: Error | undefined

  constructor() {
    // For nested transactions only; everybody else has an error of their own.
    this.#loss.promise.catch(() => {})
  }

  /** What was begun and has no answer yet. */
  get running(): number {
    return [...this.#open].filter(isRunning).length
  }

  get isLost(): boolean {
    return this.#lostBy !== undefined
  }

  /** The connection is lost; the first reason counts. */
  readonly lose = (error: Error): void => {
    if (this.#lostBy !== undefined) return
    this.#lostBy = error
    this.#loss.reject(error)
  }

  /** Has the server give up what it is doing. */
  cancel(): void {
    for (const query of this.#open) if (isRunning(query)) query.cancel?.()
  }

  /** A handle of a transaction that does the same and is followed, as are those of its nested transactions. */
  followTransaction<Sql>(sql: Sql): Sql {
    const begun = (answer: unknown): unknown => this.#begun(answer, true)
    return this.#copy(sql, begun, (method, args) =>
      typeof args.at(-1) === 'function' ? this.#nested(method, args) : begun(method(...args)),
    )
  }

  /** A handle of the pool that does the same and is followed, as far as it goes: each query has a connection of its own. */
  followPool<Sql>(sql: Sql): Sql {
    const begun = (answer: unknown): unknown => this.#begun(answer, false)
    return this.#copy(sql, begun, (method, args) => begun(method(...args)))
  }

  #begun(answer: unknown, isOneConnection: boolean): unknown {
    if (answer instanceof Promise) this.#watch(answer, isOneConnection)
    return answer
  }

  #copy<Sql>(sql: Sql, begun: (answer: unknown) => unknown, nested: Call): Sql {
    const through =
      (method: Callable, call: Call): Callable =>
      (...args) => {
        if (this.#lostBy !== undefined) throw this.#lostBy
        return call(method, args)
      }
    const query: Call = (method, args) => begun(method(...args))
    const calls: Readonly<Record<string, Call>> = { unsafe: query, file: query, begin: nested, savepoint: nested }
    const own = Object.entries(sql as object).map(([name, value]: [string, unknown]) => {
      const call = calls[name]
      return [name, call !== undefined && typeof value === 'function' ? through(value as Callable, call) : value]
    })
    return Object.assign(through(sql as Callable, query), Object.fromEntries(own)) as Sql
  }

  #nested(method: Callable, args: readonly unknown[]): unknown {
    const body = args.at(-1) as Callable
    const held = async (inner: unknown): Promise<unknown> => {
      try {
        const result = body(this.followTransaction(inner))
        return await (Array.isArray(result) ? Promise.all(result) : result)
      } finally {
        if (this.isLost) await NEVER
      }
    }
    const over = method(...args.slice(0, -1), held) as Promise<unknown>
    const nested = Promise.race([over, this.#loss.promise])
    this.#watch(nested, false)
    return nested
  }

  /** Not with `then` of the query itself, which would begin it. */
  #watch(query: Query, isOneConnection: boolean): void {
    this.#open.add(query)
    void Promise.prototype.then.call(
      query,
      () => this.#open.delete(query),
      (error: unknown) => {
        this.#open.delete(query)
        if (isOneConnection && isLoss(error)) this.lose(error)
      },
    )
  }
}

function isRunning({ executed = true, active, cursorFn }: Query): boolean {
  // One that is read by a cursor never settles.
  return executed && (cursorFn === undefined || active === true)
}

/** Whether an error says that the connection is lost. */
export function isLoss(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  const { severity } = error as { readonly severity?: unknown }
  // Those of the connection have a number, those that the server sent have not; after a fatal one it closes the connection.
  return 'errno' in error || severity === 'FATAL' || severity === 'PANIC'
}
