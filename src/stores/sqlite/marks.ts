/*
 * `task.marks`: small facts of a row in one number, for every column costs each insert and each end of a task something.
 *
 *     bits 0-1 format of the input   2-3 of what was carried   4-5 of the progress   6-7 of the result
 *     bit 8 EARLY   9 SUSPECT   10 PASSED   11 CANCELLING   12 POWER   13 STEPS
 */
import type { StoredValue, ValueFormat } from '../../model/task.ts'

/** Claimed ahead of its turn, and not known to have begun. */
export const EARLY = 1 << 8
/** A worker died while it held the task ahead of its turn. */
export const SUSPECT = 1 << 9
/** Its first attempt has ended: it holds back nobody of its series. */
export const PASSED = 1 << 10
/** A cancel was asked for while it ran. */
export const CANCELLING = 1 << 11
/** It was added with durability `power`. */
export const POWER = 1 << 12

/** Its attempts have kept values, which go with it. */
export const STEPS = 1 << 13

const SHIFT = { input: 0, carried: 2, progress: 4, result: 6 } as const

/** The values of a row whose format is in its marks. */
export type FormattedValue = keyof typeof SHIFT

/** The bits that tell the format of a value. */
export function formatBits(value: StoredValue | undefined, of: FormattedValue): number {
  return value === undefined ? 0 : value.format << SHIFT[of]
}

/** The format that the bits tell. */
export function formatOf(marks: number, of: FormattedValue): ValueFormat {
  return ((marks >> SHIFT[of]) & 3) as ValueFormat
}

/** The bits of a value's format. */
export function formatMask(of: FormattedValue): number {
  return 3 << SHIFT[of]
}
