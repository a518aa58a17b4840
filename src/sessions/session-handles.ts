import { asError } from '../model/as-error.ts'
import type { Sessions } from '../model/session.ts'

/**
 * What `session` is in `context.session.db` and `tasks.session.db`: a promise for each name that is asked for. Names are not
 * looked up beforehand, so that a wrong one gets its error from `open`.
 *
 * @param open  what it throws at once is about this very use: it becomes a rejection whose stack begins with the user's line.
 */
export function sessionHandles<P>(open: (name: string) => Promise<unknown>): Sessions<P> {
  return new Proxy(Object.create(null) as object, new Handles(open)) as Sessions<P>
}

class Handles implements ProxyHandler<object> {
  readonly #open: (name: string) => Promise<unknown>

  constructor(open: (name: string) => Promise<unknown>) {
    this.#open = open
  }

  get(_target: object, name: string | symbol): Promise<unknown> | undefined {
    // `await`, the inspector and the like look at whatever passes by.
    if (typeof name === 'symbol' || name === 'then' || name === 'toJSON') return undefined
    const handle = this.#opened(name)
    // Who never awaits it has not used it: the process need not end of it.
    handle.catch(() => undefined)
    return handle
  }

  set(): boolean {
    return false
  }

  #opened(name: string): Promise<unknown> {
    try {
      return this.#open(name)
    } catch (error) {
      const refused = asError(error)
      // oxlint-disable-next-line typescript/unbound-method -- Only its frame is meant.
      Error.captureStackTrace(refused, Handles.prototype.get)
      return Promise.reject(refused)
    }
  }
}
