import type { OpenSession, SessionProvider } from '../../../src/index.ts'
import type { Point } from '../faults.ts'
import type { HistoryWriter } from '../history.ts'

/** What a server does to itself when it is told to: it ends at a point of its program, or holds itself between two turns of its loop. */
export class Points {
  readonly #server: number
  readonly #history: HistoryWriter
  #armed: Point | undefined
  #hasWritten = false

  constructor(server: number, history: HistoryWriter) {
    this.#server = server
    this.#history = history
  }

  /** It ends when it next comes there. */
  arm(point: Point): void {
    this.#armed = point
  }

  /** It holds itself, here, until somebody lets it go on. */
  hold(): void {
    this.#history.write({ what: 'stop', server: this.#server })
    process.send?.({ holding: true })
    process.kill(process.pid, 'SIGSTOP')
  }

  /** It is there. */
  reach(point: Point): void {
    if (point === 'written') this.#hasWritten = true
    // Before that, what is committed is the table of outcomes, and no effect.
    if (point !== this.#armed || !this.#hasWritten) return
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
