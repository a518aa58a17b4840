/** One after another: for a connection on which only one transaction can be open. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  /** Waits for its turn; the function that it gives ends it. */
  async take(): Promise<() => void> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    await before
    return resolve
  }
}
