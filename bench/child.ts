import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { atExit } from './at-exit.ts'

/** How a bench process is started. */
export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly execArgv?: readonly string[]
}

/** What became of a message. */
type Answer = { readonly answer: unknown } | { readonly error: string }

/** A bench process that answers each message with one message. */
export class Child {
  readonly #process: ChildProcess
  readonly #file: string
  #isGone = false

  private constructor(process: ChildProcess, file: string) {
    this.#process = process
    this.#file = file
    const done = atExit(() => process.kill('SIGKILL'))
    process.once('exit', () => {
      this.#isGone = true
      done()
    })
  }

  /** Starts `file` of this folder and waits for its first message. */
  static async start<Ready>(
    file: string,
    args: readonly string[],
    { env = {}, execArgv = [] }: ChildOptions = {},
  ): Promise<{ child: Child; ready: Ready }> {
    const forked = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
      // What the process prints must not stand between our lines: the last one is for machines.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production', AFTERWORD_LOG: 'error', ...env },
      execArgv: [...execArgv],
      serialization: 'advanced',
    })
    const child = new Child(forked, file)
    try {
      return { child, ready: await child.#next<Ready>() }
    } catch (error) {
      await child.kill()
      throw error
    }
  }

  /** Sends a message and waits for its answer. */
  async ask<T>(message: object): Promise<T> {
    if (this.#isGone) throw new Error(`${this.#file} has ended before it was asked.`)
    const answer = this.#next<T>()
    this.#process.send(message)
    return answer
  }

  /** Holds the process where it is, so that its timers take nothing from others. */
  pause(): void {
    this.#process.kill('SIGSTOP')
  }

  /** Lets it go on. */
  resume(): void {
    this.#process.kill('SIGCONT')
  }

  /** Lets it end by itself and waits until it is gone; after ten seconds it is killed. */
  async stop(): Promise<void> {
    if (this.#isGone) return
    const gone = once(this.#process, 'exit')
    this.resume()
    this.#process.kill('SIGTERM')
    const patience = setTimeout(() => this.#process.kill('SIGKILL'), 10_000)
    await gone
    clearTimeout(patience)
  }

  /** Ends it without a chance to do anything. */
  async kill(): Promise<void> {
    if (this.#isGone) return
    const gone = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await gone
  }

  async #next<T>(): Promise<T> {
    const ended = new AbortController()
    const exited = once(this.#process, 'exit', { signal: ended.signal }).then(([code, signal]) => {
      throw new Error(`${this.#file} ended with ${String(code ?? signal)}.`)
    })
    exited.catch(() => undefined)
    try {
      const [message] = (await Promise.race([once(this.#process, 'message'), exited])) as [Answer]
      if ('error' in message) throw new Error(message.error)
      return message.answer as T
    } finally {
      ended.abort()
    }
  }
}

/** The other side: answers each message of the parent, and ends when it is told to or the parent is gone. */
export function answer(ready: object, handle: (message: never) => unknown, end: () => unknown = () => undefined): void {
  // A parent that is gone needs no answer.
  const reply = (message: Answer): void => void process.send?.(message, undefined, {}, () => undefined)
  process.on('message', (message) => {
    // A throw must become an answer too.
    void Promise.try(() => handle(message as never)).then(
      (answer) => reply({ answer }),
      (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    )
  })
  let isEnding = false
  const leave = (): void => {
    if (isEnding) return
    isEnding = true
    void Promise.try(end).finally(() => process.exit(0))
  }
  process.on('SIGTERM', leave)
  process.on('disconnect', leave)
  reply({ answer: ready })
}
