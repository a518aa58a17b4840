import type { CheckerKind } from '../history.ts'
import { attemptsAddUp } from './attempts-add-up.ts'
import { bounded } from './bounded.ts'
import { cancelHonoured } from './cancel-honoured.ts'
import { concurrency } from './concurrency.ts'
import { finalIsFinal } from './final-is-final.ts'
import { heldOnce } from './held-once.ts'
import { legalStates } from './legal-states.ts'
import { liveness } from './liveness.ts'
import { nothingLost } from './nothing-lost.ts'
import { results } from './results.ts'
import { seriesOrder } from './series-order.ts'
import { statuses } from './statuses.ts'
import { stopAccount } from './stop-account.ts'
import { uniqueIds } from './unique-ids.ts'

/** Every invariant. */
export const CHECKERS: readonly CheckerKind[] = [
  heldOnce,
  nothingLost,
  finalIsFinal,
  attemptsAddUp,
  seriesOrder,
  bounded,
  liveness,
  uniqueIds,
  legalStates,
  concurrency,
  cancelHonoured,
  statuses,
  stopAccount,
  results,
]
