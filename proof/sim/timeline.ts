/**
 * Simulated time: one queue of what is to happen, in the order of true time, and the crank that turns it.
 *
 * A step is one callback and all the microtasks that follow from it. Node drains microtasks between two immediates of one
 * batch, without a turn of the real loop: so immediates are taken in batches, and a step costs well under a microsecond
 * beyond its own work. Nothing here waits for real time, and nothing else of the process may be under way meanwhile.
 */

import { asError } from '../../src/model/as-error.ts'

/** Something that is to happen. */
export interface Entry {
  readonly atMs: number
  readonly order: number
  /** Undefined once it was cancelled. */
  callback: (() => void) | undefined
}

const BATCH = 64

/** The queue of one world. */
export class Timeline {
  #nowMs = 0
  #order = 0
  #steps = 0
  readonly #heap: Entry[] = []

  /** True time since the world began, in milliseconds; only the simulation knows it. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Callbacks that were made. */
  get steps(): number {
    return this.#steps
  }

  /** Calls back at that time, or at once when it has passed; what is due at one time comes in the order of the calls. */
  at(atMs: number, callback: () => void): Entry {
    const entry: Entry = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, callback }
    this.#push(entry)
    return entry
  }

  /** Calls back after that much true time. */
  after(ms: number, callback: () => void): Entry {
    return this.at(this.#nowMs + ms, callback)
  }

  /** Turns the crank until `isOver`, or until nothing is to happen any more. */
  run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let over = false
      const step = (): void => {
        if (over) return
        try {
          over = isOver() || !this.#step()
          if (over) resolve()
        } catch (error) {
          over = true
          reject(asError(error))
        }
      }
      const batch = (): void => {
        if (over) return
        for (let i = 0; i < BATCH; i++) setImmediate(step)
        setImmediate(batch)
      }
      batch()
    })
  }

  #step(): boolean {
    for (let entry = this.#pop(); entry !== undefined; entry = this.#pop()) {
      const { callback } = entry
      if (callback === undefined) continue
      this.#nowMs = entry.atMs
      this.#steps++
      callback()
      return true
    }
    return false
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = entry
  }

  #pop(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
