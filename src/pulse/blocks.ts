import type { CallSiteObject } from 'node:util'
import type { Block, BlockCount, Culprit } from '../model/block.ts'
import type { Clock } from '../ports/clock.ts'
import { callSites, placeOf } from './place.ts'

/** Between two reports of the same culprit, in milliseconds. */
const REPORT_MS = 10_000
/** Different culprits that are counted by themselves; the rest is counted as one. */
const CULPRITS_MAX = 1_000

/** Who is running at this moment. */
export type Running = Pick<Block, 'by' | 'name' | 'taskId' | 'requestId'>

/** Who hears of blocks. */
export interface BlocksListener {
  /** Each culprit once in a while. */
  report(block: Block): void
  /** Attempts of that definition have blocked so often by now. */
  counted(name: string, times: number): void
}

const NOBODY: Running = { by: 'unknown', name: undefined, taskId: undefined, requestId: undefined }
const OTHERS: Culprit = { by: 'unknown', name: undefined, place: undefined, function: undefined }

interface Count extends Culprit {
  times: number
  longestMs: number
  totalMs: number
  reportedMs: number | undefined
  /** `times` as of the last report. */
  told: number
}

/** Counts the times in which the loop stood still, by culprit, and reports each of them now and then. */
export class Blocks {
  readonly #clock: Clock
  readonly #who: () => Running
  readonly #listener: BlocksListener
  readonly #counts = new Map<string, Count>()
  #noted: { readonly running: Running; readonly sites: readonly CallSiteObject[] } | undefined

  constructor(clock: Clock, who: () => Running, listener: BlocksListener) {
    this.#clock = clock
    this.#who = who
    this.#listener = listener
  }

  /** Notes what is running. Called on top of it, so it does little and throws nothing. */
  note(): void {
    try {
      this.#noted = { running: this.#who(), sites: callSites() }
    } catch {
      // Whatever was in the way, the block has no name then.
    }
  }

  /** The loop stood still for so long, and turns again. */
  stood(ms: number): void {
    const { running, sites } = this.#noted ?? { running: NOBODY, sites: [] }
    this.#noted = undefined
    const found = placeOf(sites)
    const culprit = { by: running.by, name: running.name, place: found?.place, function: found?.function }
    const count = this.#countOf(culprit)
    count.times++
    count.totalMs += ms
    count.longestMs = Math.max(count.longestMs, ms)
    if (culprit.name !== undefined) this.#listener.counted(culprit.name, this.#timesOf(culprit.name))
    const nowMs = this.#clock.monotonicMs()
    if (count.reportedMs !== undefined && nowMs - count.reportedMs < REPORT_MS) return
    const times = count.times - count.told
    count.reportedMs = nowMs
    count.told = count.times
    this.#listener.report({ ...culprit, ms, taskId: running.taskId, requestId: running.requestId, times })
  }

  /** The worst first. */
  counts(): readonly BlockCount[] {
    return [...this.#counts.values()]
      .map(({ reportedMs: _, told: __, ...count }) => count)
      .toSorted((a, b) => b.totalMs - a.totalMs)
  }

  #timesOf(name: string): number {
    return this.#counts.values().reduce((sum, count) => sum + (count.name === name ? count.times : 0), 0)
  }

  #countOf(given: Culprit): Count {
    const keyOf = (culprit: Culprit): string => JSON.stringify([culprit.by, culprit.name, culprit.place])
    const isFull = this.#counts.size >= CULPRITS_MAX
    const culprit = isFull && !this.#counts.has(keyOf(given)) ? OTHERS : given
    const known = this.#counts.get(keyOf(culprit))
    if (known !== undefined) return known
    const count: Count = { ...culprit, times: 0, longestMs: 0, totalMs: 0, reportedMs: undefined, told: 0 }
    this.#counts.set(keyOf(culprit), count)
    return count
  }
}
