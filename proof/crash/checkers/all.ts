import type { Checker } from '../evidence.ts'
import { attemptsAddUp } from './attempts-add-up.ts'
import { boundedMemory } from './bounded-memory.ts'
import { comesToRest } from './comes-to-rest.ts'
import { failsForGood } from './fails-for-good.ts'
import { finalIsFinal } from './final-is-final.ts'
import { noPhantoms } from './no-phantoms.ts'
import { nothingLost } from './nothing-lost.ts'
import { nothingTwice } from './nothing-twice.ts'
import { oneOwner } from './one-owner.ts'
import { seriesInOrder } from './series-in-order.ts'
import { soundStore } from './sound-store.ts'
import { stopsInOrder } from './stops-in-order.ts'

/** Every invariant. */
export const CHECKERS: readonly Checker[] = [
  nothingLost,
  noPhantoms,
  seriesInOrder,
  oneOwner,
  nothingTwice,
  finalIsFinal,
  attemptsAddUp,
  boundedMemory,
  comesToRest,
  soundStore,
  stopsInOrder,
  failsForGood,
]
