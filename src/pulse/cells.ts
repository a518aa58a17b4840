/**
 * The memory that the event loop and its pulse thread share: single words that one side writes and the other reads. A
 * message would need a turn of the loop, which is the very thing that may be missing.
 */
const CELLS = ['signal', 'turn', 'awake', 'worker', 'ending', 'debugged', 'stillMs', 'gaveUp', 'gaveUpMs'] as const

/** See above. */
export class Cells {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(buffer = new SharedArrayBuffer(CELLS.length * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer)
  }

  read(cell: (typeof CELLS)[number]): number {
    return Atomics.load(this.#words, CELLS.indexOf(cell))
  }

  write(cell: (typeof CELLS)[number], value: number): void {
    Atomics.store(this.#words, CELLS.indexOf(cell), value)
  }

  /** The loop has taken a turn. */
  countTurn(): void {
    Atomics.add(this.#words, CELLS.indexOf('turn'), 1)
  }

  /** Wakes the thread from its wait. */
  signal(): void {
    Atomics.add(this.#words, CELLS.indexOf('signal'), 1)
    Atomics.notify(this.#words, CELLS.indexOf('signal'))
  }

  /** Waits until somebody signals after `seen` was read from that cell, or `ms` have passed. Only for the thread. */
  wait(seen: number, ms: number): void {
    Atomics.wait(this.#words, CELLS.indexOf('signal'), seen, ms)
  }

  /** The worker to keep alive is none any more, unless it has become another one. */
  forgetWorker(worker: number): void {
    Atomics.compareExchange(this.#words, CELLS.indexOf('worker'), worker, 0)
  }
}
