/** The open pages: each holds one stream of server-sent events, which the browser opens again by itself when it breaks. */
import { PassThrough } from 'node:stream'

/** A page that has stopped reading is let go when this much waits for it. */
const WAITING_BYTES_MAX = 1_000_000

export class Live {
  readonly #streams = new Set<PassThrough>()

  /** A new page; `first` is told to it alone. */
  open(first: object): PassThrough {
    const stream = new PassThrough()
    this.#streams.add(stream)
    stream.once('close', () => this.#streams.delete(stream))
    stream.write(`retry: 300\n${line(first)}`)
    return stream
  }

  tell(message: object): void {
    const text = line(message)
    for (const stream of this.#streams) {
      if (stream.writableLength > WAITING_BYTES_MAX) stream.destroy()
      else stream.write(text)
    }
  }

  close(): void {
    for (const stream of this.#streams) stream.end()
  }
}

function line(message: object): string {
  return `data: ${JSON.stringify(message)}\n\n`
}
