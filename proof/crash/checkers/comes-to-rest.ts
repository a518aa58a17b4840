import type { Checker } from '../evidence.ts'
import { LIVE } from '../final-database.ts'

/** C8: after the faults have healed, everything that is stored ends, acknowledged or not. */
export const comesToRest: Checker = ({ final }) =>
  final.tasks
    .filter(({ state }) => LIVE.has(state))
    .map(({ id, n, step, state }) => ({
      kind: 'liveness',
      id,
      says: `task ${step} of request ${n} is still ${state}, and nothing ends any more`,
    }))
