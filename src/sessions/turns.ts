/**
 * Whose turn it is on one connection: a transaction has it alone, others share it. First come, first served, so that a
 * transaction is not kept waiting by those who come after it.
 */
export class Turns {
  /** The end of the last transaction that asked for a turn. */
  #alone: Promise<void> = Promise.resolve()
  /** The ends of those who share the turn after it. */
  #shared = new Set<Promise<void>>()

  /** The turns on this connection, whoever asks: several providers of one connection wait for each other. */
  static of(connection: object): Turns {
    const turns = turnsOf.get(connection) ?? new Turns()
    turnsOf.set(connection, turns)
    return turns
  }

  /** Waits until it has the connection alone; the function that it gives ends the turn. */
  async take(): Promise<() => void> {
    const before = [this.#alone, ...this.#shared]
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#alone = promise
    this.#shared = new Set()
    await Promise.all(before)
    return resolve
  }

  /** Waits until nobody has the connection alone; the function that it gives ends the turn. */
  async share(): Promise<() => void> {
    const before = this.#alone
    const shared = this.#shared
    const { promise, resolve } = Promise.withResolvers<void>()
    shared.add(promise)
    await before
    return () => {
      shared.delete(promise)
      resolve()
    }
  }
}

const turnsOf = new WeakMap<object, Turns>()
