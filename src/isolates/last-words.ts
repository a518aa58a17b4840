/** What is kept of it, in bytes: V8 says up to this much when it aborts. */
const KEPT_BYTES = 16_384
/** What is told of it, in characters: the message of an error that is stored may be that long. */
const TOLD_MAX = 4_000

/** The end of what a process writes to stderr: evidence of what ended it. */
export class LastWords {
  #kept: Buffer = Buffer.alloc(0)

  add(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk]).subarray(-KEPT_BYTES)
  }

  clear(): void {
    this.#kept = Buffer.alloc(0)
  }

  /** From V8's fatal error on, where there is one, which is followed by a long stack of native code; else the last of it. */
  get text(): string {
    const all = this.#kept.toString()
    const fatal = all.lastIndexOf('FATAL ERROR')
    return (fatal === -1 ? all.slice(-TOLD_MAX) : all.slice(fatal, fatal + TOLD_MAX)).trim()
  }
}
