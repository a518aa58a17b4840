import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A bench process that answers each message with one message. */
export class Child {
  readonly #process: ChildProcess

  private constructor(process: ChildProcess) {
    this.#process = process
  }

  /** Starts `file` of this folder and waits for its first message. */
  static async start<Ready>(file: string, args: readonly string[]): Promise<{ child: Child; ready: Ready }> {
    const process = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const child = new Child(process)
    return { child, ready: await child.#next<Ready>() }
  }

  /** Sends a message and waits for its answer. */
  async ask<Answer>(message: object): Promise<Answer> {
    const answer = this.#next<Answer>()
    this.#process.send(message)
    return answer
  }

  /** Ends it and waits until it is gone. */
  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await gone
  }

  async #next<T>(): Promise<T> {
    const ended = new AbortController()
    const exited = once(this.#process, 'exit', { signal: ended.signal }).then(([code, signal]) => {
      throw new Error(`A bench process ended with ${String(code ?? signal)}.`)
    })
    exited.catch(() => undefined)
    try {
      return await Promise.race([once(this.#process, 'message').then(([message]) => message as T), exited])
    } finally {
      ended.abort()
    }
  }
}

/** The other side: answers each message of the parent. */
export function answer(ready: object, handle: (message: never) => unknown): void {
  process.on('message', (message) => {
    void Promise.resolve(handle(message as never)).then((reply) => process.send!(reply ?? {}))
  })
  process.send!(ready)
}
