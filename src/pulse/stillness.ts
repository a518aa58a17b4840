/**
 * How long a loop has stood still, as seen from a thread beside it. It counts by the thread's own looks: a process that was
 * stopped, or a machine that slept, stops both of them, and such a time must not count against the loop.
 */
export class Stillness {
  #turn = -1
  #lookedMs: number
  #ms = 0

  constructor(nowMs: number) {
    this.#lookedMs = nowMs
  }

  /** Milliseconds since the last turn of the loop that was seen. */
  get ms(): number {
    return this.#ms
  }

  /** One look, which was meant to come `expectedMs` after the last one. True when the loop has turned since. */
  look(turn: number, nowMs: number, expectedMs: number): boolean {
    const sinceMs = Math.min(nowMs - this.#lookedMs, 2 * expectedMs)
    this.#lookedMs = nowMs
    const hasTurned = turn !== this.#turn
    this.#turn = turn
    this.#ms = hasTurned ? 0 : this.#ms + sinceMs
    return hasTurned
  }
}
