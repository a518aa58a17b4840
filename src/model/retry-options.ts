import { duration, integer } from './option-kinds.ts'
import { optionTable, rule } from './option-table.ts'
import type { OptionsGiven } from './option-table.ts'

/** How failed attempts are repeated; used by definitions and, as their default, by `createBackground`. */
export const RETRY_OPTIONS = optionTable(
  {
    attempts: { is: integer({ min: 1, max: 1000 }), default: 5, says: 'Attempts in all; 1 is no retry.' },
    base: {
      is: duration({ min: 1, max: '365d' }),
      default: '2s',
      says: 'The upper bound of the first wait; it doubles with each attempt.',
    },
    cap: { is: duration({ min: 1, max: '365d' }), default: '10m', says: 'The upper bound of every wait.' },
  },
  [rule('cap must be at least base', (o) => o.capMs >= o.baseMs)],
)

/** How failed attempts are repeated, as written: `{ attempts: 5, base: '2s', cap: '10m' }`. */
export type RetryOptions = OptionsGiven<typeof RETRY_OPTIONS>
