import type { OpenSession, SessionProvider } from '../../../src/index.ts'
import type { Point } from '../faults.ts'
import type { HistoryWriter } from '../history.ts'

/** The points of a server's program at which it kills itself when it is told to. */
export class Points {
  readonly #server: number
  readonly #history: HistoryWriter
  #armed: Point | undefined

  constructor(server: number, history: HistoryWriter) {
    this.#server = server
    this.#history = history
  }

  /** It ends when it next comes there. */
  arm(point: Point): void {
    this.#armed = point
  }

  /** It is there. */
  reach(point: Point): void {
    if (point !== this.#armed) return
    this.#history.write({ what: 'kill', server: this.#server, point })
    process.kill(process.pid, 'SIGKILL')
  }

  /** The same provider, with a point before each commit and one right after it. */
  around<Handle>(provider: SessionProvider<Handle>): SessionProvider<Handle> {
    return { ...provider, open: async () => this.#session(await provider.open()) }
  }

  #session<Handle>(session: OpenSession<Handle>): OpenSession<Handle> {
    return new Proxy(session, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        const call = (...args: readonly unknown[]): unknown => Reflect.apply(value, target, args)
        return name === 'commit' || name === 'commitWith' ? this.#around(call) : call
      },
    })
  }

  /** Nothing of the engine comes between a commit and its point. */
  #around(commit: (...args: readonly unknown[]) => unknown) {
    return async (...args: readonly unknown[]): Promise<void> => {
      this.reach('finished')
      await commit(...args)
      this.reach('committed')
    }
  }
}
