import { hash } from 'node:crypto'
import type { TaskId } from '../../model/task.ts'

/** The epoch of keys, so that milliseconds take 41 bits until 2089. */
const EPOCH_MS = Date.UTC(2020, 0, 1)
const MS_MAX = 2 ** 41
const COUNTERS = 4096

/**
 * The row key of a UUIDv7: its milliseconds and the 12 bits behind them, 53 bits in all. Rows are thus stored in the
 * order of their creation and found by id without an index of ids, which would double the work of every add.
 * Two processes may want the same key in the same millisecond; the later one takes {@link spareKey}.
 * Undefined for any other id.
 */
export function homeKey(id: TaskId): number | undefined {
  if (id.length !== 36 || id[14] !== '7' || id[8] !== '-' || id[13] !== '-') return undefined
  const ms = parseInt(id.slice(0, 8), 16) * 65_536 + parseInt(id.slice(9, 13), 16) - EPOCH_MS
  const counter = parseInt(id.slice(15, 18), 16)
  // Not a number, from before the epoch or too late: not one of ours. The comparison is false for NaN.
  return ms >= 0 && ms < MS_MAX && counter >= 0 ? ms * COUNTERS + counter : undefined
}

/** The row key of an id that has no home key or found it taken: 52 bits of its SHA-256, below zero. */
export function spareKey(id: TaskId): number {
  return -1 - parseInt(hash('sha256', id, 'hex').slice(0, 13), 16)
}
