import { AfterwordError } from './errors.ts'
import { received } from './received.ts'

/** A length of time: milliseconds, or a number with its unit such as `'250ms'`, `'30s'`, `'5m'`, `'2h'`, `'1.5d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** The longest duration, 3650 days in milliseconds. */
export const DURATION_MS_MAX = 3650 * 86_400_000

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

const PATTERN = /^(\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?)(ms|s|m|h|d)$/

/**
 * Reads a duration.
 *
 * @param value  a finite number of milliseconds from 0, or a {@link Duration} string.
 * @param where  what the duration is for; the error names it.
 * @returns whole milliseconds, rounded, 0 to {@link DURATION_MS_MAX}.
 * @throws DURATION_INVALID for everything else.
 */
export function durationMs(value: unknown, where: string): number {
  const ms = typeof value === 'string' ? parse(value) : value
  if (typeof ms !== 'number' || !(ms >= 0)) {
    throw new AfterwordError('DURATION_INVALID', { where, got: received(value) })
  }
  if (ms > DURATION_MS_MAX) {
    throw new AfterwordError('DURATION_INVALID', { where, got: `${received(value)}, more than 3650 days` })
  }
  return Math.round(ms) + 0 // `+ 0` turns -0 into 0.
}

function parse(text: string): number | undefined {
  const [, amount, unit] = PATTERN.exec(text) ?? []
  return amount === undefined ? undefined : Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]
}
