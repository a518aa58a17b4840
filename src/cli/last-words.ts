import { inspect } from 'node:util'

/** How much is kept, in characters: a stack trace and what led to it. */
const LENGTH_MAX = 4_000

/** The last of what this process wrote to stderr while it started: what it died of stands there. */
export class LastWords {
  #text = ''
  #isOver = false

  get text(): string {
    return this.#text.trim()
  }

  /** From here on it listens. What Node itself writes about an error that nobody caught does not pass `process.stderr`. */
  listen(): void {
    const { stderr } = process
    const write = stderr.write.bind(stderr)
    const keep = (text: string): void => {
      if (!this.#isOver) this.#text = (this.#text + text).slice(-LENGTH_MAX)
    }
    stderr.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
      keep(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())
      return Reflect.apply(write, undefined, [chunk, ...rest])
    }) as typeof write
    process.on('uncaughtExceptionMonitor', (error) => keep(`${inspect(error)}\n`))
  }

  /** Writes an error as Node writes one that nobody caught, or a text. */
  say(error: unknown): void {
    process.stderr.write(`${typeof error === 'string' ? error : inspect(error)}\n`)
  }

  /** Nothing more is kept. */
  end(): void {
    this.#isOver = true
    this.#text = ''
  }
}
