import { type SeededChance, seededChance } from '../../support/chance.ts'

/**
 * How the first attempt of a transfer behaves; later ones are plain.
 *
 * `throws-midway` has taken from the payer and not given to the payee, `throws` has written everything, and so has
 * `writes-late`, which in addition writes once more after its attempt is over. `gives-up` has written everything and fails for
 * good. `cancels-itself` asks for its own cancel once it has written. `hangs` has written and waits until it is told to end;
 * `clings` does not even then.
 */
export type Behaviour =
  | 'plain'
  | 'throws-midway'
  | 'throws'
  | 'writes-late'
  | 'gives-up'
  | 'cancels-itself'
  | 'hangs'
  | 'clings'

/** What a transfer adds with its success. */
export type FollowUp = 'fee' | 'notice'

/** One transfer of a request, as the input of its task says. */
export interface PlannedTransfer {
  readonly step: number
  readonly payer: number
  readonly payee: number
  readonly cents: number
  readonly behaviour: Behaviour
  readonly followUp: FollowUp | 'none'
  /** It waits this long before it opens its session, and this long in the middle of its transaction. */
  readonly thinkMs: number
  readonly dawdleMs: number
  /** Whether the client asks for a cancel once it is acknowledged. */
  readonly cancelled: boolean
  /** Outside of the series of its request. */
  readonly parallel: boolean
  /** An identity of the client's own: the request may be sent twice. */
  readonly id: string | undefined
}

/** Accounts are numbered from 0; fees go to the first of them. */
export const ACCOUNTS = 40
/** What every account begins with. */
export const OPENING_CENTS = 1_000_000
/** What a transfer with a fee costs its payer. */
export const FEE_CENTS = 25

const TRANSFERS_MAX = 16
const LONG_SHARE = 0.05
const LONG_MS_MAX = 200
/** By how likely they are. Those at the end hold the lock of the file meanwhile. */
const BEHAVIOURS: readonly (readonly [Behaviour, number])[] = [
  ['throws-midway', 0.02],
  ['throws', 0.02],
  ['writes-late', 0.01],
  ['gives-up', 0.01],
  ['cancels-itself', 0.01],
  ['hangs', 0.0015],
  ['clings', 0.0005],
]

/** How the transfers of a run are. */
export interface Manner {
  /** How much more often than usual attempts misbehave, 1 or more; by default 1. */
  readonly trouble?: number | undefined
  /** The share of transfers that think for long before they open their session, from 0 to 1. */
  readonly longShare?: number | undefined
}

/** What request `n` of a run asks for, by the seed of the run and its manner, and nothing else. */
export function transfersOf(
  seed: number,
  n: number,
  { trouble = 1, longShare = LONG_SHARE }: Manner = {},
): readonly PlannedTransfer[] {
  const chance = seededChance((Math.imul(seed, 0x9e3779b1) ^ Math.imul(n + 1, 0xc2b2ae35)) >>> 0)
  const parallel = chance.maybe(0.7)
  const hasId = chance.maybe(0.2)
  return Array.from({ length: 1 + chance.below(TRANSFERS_MAX) }, (_, step) => {
    const payer = chance.below(ACCOUNTS)
    return {
      step,
      payer,
      payee: (payer + 1 + chance.below(ACCOUNTS - 1)) % ACCOUNTS,
      cents: 1 + chance.below(50_000),
      behaviour: behaviourOf(chance, trouble),
      followUp: chance.maybe(0.25) ? chance.of(['fee', 'notice']) : 'none',
      thinkMs: chance.maybe(longShare) ? 1 + chance.below(LONG_MS_MAX) : 0,
      dawdleMs: chance.maybe(0.02) ? 1 + chance.below(4) : 0,
      cancelled: chance.maybe(0.03),
      parallel,
      id: hasId ? `transfer-${n}-${step}` : undefined,
    }
  })
}

function behaviourOf(chance: SeededChance, trouble: number): Behaviour {
  let left = chance.fraction() / trouble
  for (const [behaviour, share] of BEHAVIOURS) {
    if (left < share) return behaviour
    left -= share
  }
  return 'plain'
}
