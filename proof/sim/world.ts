import { type SeededChance, seededChance } from '../support/chance.ts'

/** One process of a world, as long as the world lasts: it is started again after each death. */
export interface SlotPlan {
  /** Names of the definitions that it can run; it can add all of them. */
  readonly knows: readonly string[]
  readonly works: boolean
  readonly concurrency: number
  /** How fast its monotonic clock goes, against true time. */
  readonly rate: number
  /** How wrong its wall clock is at first, in milliseconds. */
  readonly wallOffsetMs: number
}

/** How the store misbehaves, as probabilities of each call, and in milliseconds. */
export interface StoreFaults {
  /** Its execution waits, as behind the lock of another process. */
  readonly busy: number
  readonly busyMs: number
  /** It is executed, and its answer takes time. */
  readonly slowAnswer: number
  readonly slowAnswerMs: number
  /** It is refused before anything is executed. */
  readonly refuse: number
  /** It is executed and committed, and then fails: the store of that process is gone for good, as after a failed sync. */
  readonly breakAfter: number
  /** The same for verbs that may fail and be repeated; the store goes on. */
  readonly unknown: number
  /** Its process dies before it, or after it and before its answer. */
  readonly die: number
  /** How long the sync of an acknowledgement takes, at most. */
  readonly syncMs: number
}

/** How presence misbehaves. */
export interface PresenceFaults {
  readonly kind: 'none' | 'there'
  readonly lost: number
  readonly late: number
  readonly twice: number
  /** `probe` cannot tell. */
  readonly unknown: number
}

/** What happens to processes from outside: how many of each over the whole run. */
export interface Nemesis {
  readonly kills: number
  readonly stops: number
  readonly freezes: number
  readonly clockSteps: number
  readonly outages: number
}

/** Everything that a seed decides before the first step. */
export interface World {
  readonly seed: number
  readonly slots: readonly SlotPlan[]
  readonly beatMs: number
  readonly leaseMs: number
  readonly pollMs: number
  readonly graceMs: number
  readonly abandonMs: number
  readonly attempts: number
  readonly retryBaseMs: number
  readonly sideConcurrency: number
  readonly bufferMax: number
  readonly backlogMax: number
  readonly keepsSucceeded: boolean
  readonly keepsFailed: boolean
  readonly store: StoreFaults
  readonly presence: PresenceFaults
  readonly nemesis: Nemesis
  /** A process dies at one of its timers. */
  readonly dieAtTimer: number
  /** Operations of clients over the whole run. */
  readonly operations: number
  /** How long faults last and clients are at work, in milliseconds. */
  readonly horizonMs: number
  /** Tasks that kill their process, in all. */
  readonly poison: number
}

/** Raised by whoever changes what is drawn, here or anywhere in the simulation: seeds of another generator mean other worlds. */
export const GENERATOR = 1

/** Every definition's name; the first process always knows all. */
export const NAMES = ['plain', 'side', 'on-error', 'always', 'timed'] as const

/** Independent streams of chance from one seed: what one draws changes nothing for the others. */
export function chanceOf(seed: number, stream: string): SeededChance {
  let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b)
  for (let i = 0; i < stream.length; i++) mixed = Math.imul(mixed ^ stream.charCodeAt(i), 0x01000193)
  return seededChance(mixed ^ (mixed >>> 15))
}

/**
 * Draws a world. Each kind of fault is there or not (swarm testing): a world with all of them at once never gets far.
 *
 * @param lite  no faults at all: tells whether a failing seed needs any.
 */
export function drawWorld(seed: number, lite: boolean): World {
  const chance = chanceOf(seed, 'world')
  const { below, maybe, of } = chance
  const between = (from: number, to: number): number => from + below(to - from + 1)
  const beatMs = of([100, 150, 250, 400] as const)
  const leaseMs = Math.max(1_000, beatMs * between(3, 6))
  const drawn: World = {
    seed,
    slots: Array.from({ length: between(1, 4) }, (_, index) => drawSlot(chance, index)),
    beatMs,
    leaseMs,
    pollMs: of([100, 300, 700, 1_500] as const),
    graceMs: of([0, 50, 300, 1_000] as const),
    abandonMs: of([0, 50, 300] as const),
    attempts: between(1, 4),
    retryBaseMs: of([1, 30, 200] as const),
    sideConcurrency: between(1, 3),
    bufferMax: maybe(0.15) ? between(1, 4) : 1_000,
    backlogMax: maybe(0.15) ? between(3, 10) : 10_000,
    keepsSucceeded: maybe(0.7),
    keepsFailed: maybe(0.8),
    store: drawStore(chance),
    presence: {
      kind: maybe(0.6) ? 'there' : 'none',
      lost: maybe(0.4) ? of([0.2, 0.6, 1] as const) : 0,
      late: maybe(0.4) ? 0.4 : 0,
      twice: maybe(0.3) ? 0.3 : 0,
      unknown: maybe(0.3) ? of([0.3, 1] as const) : 0,
    },
    nemesis: {
      kills: maybe(0.5) ? between(1, 4) : 0,
      stops: maybe(0.5) ? between(1, 4) : 0,
      freezes: maybe(0.5) ? between(1, 4) : 0,
      clockSteps: maybe(0.5) ? between(1, 4) : 0,
      outages: maybe(0.3) ? between(1, 2) : 0,
    },
    dieAtTimer: maybe(0.25) ? 0.004 : 0,
    operations: between(10, 36),
    horizonMs: between(2_000, 6_000),
    poison: maybe(0.25) ? between(1, 2) : 0,
  }
  return lite ? { ...drawn, ...HARMLESS } : drawn
}

/** A store that does what it is told, at once. */
export const NO_FAULTS: StoreFaults = {
  busy: 0,
  busyMs: 0,
  slowAnswer: 0,
  slowAnswerMs: 0,
  refuse: 0,
  breakAfter: 0,
  unknown: 0,
  die: 0,
  syncMs: 0,
}

const HARMLESS: Pick<World, 'store' | 'presence' | 'nemesis' | 'dieAtTimer' | 'poison'> = {
  store: NO_FAULTS,
  presence: { kind: 'there', lost: 0, late: 0, twice: 0, unknown: 0 },
  nemesis: { kills: 0, stops: 0, freezes: 0, clockSteps: 0, outages: 0 },
  dieAtTimer: 0,
  poison: 0,
}

function drawSlot({ maybe, of, fraction, below }: SeededChance, index: number): SlotPlan {
  return {
    knows: index === 0 || maybe(0.6) ? NAMES : NAMES.filter(() => maybe(0.5)),
    works: index === 0 || maybe(0.85),
    concurrency: of([1, 1, 2, 3, 8] as const),
    rate: maybe(0.3) ? 0.85 + fraction() * 0.3 : 1,
    wallOffsetMs: maybe(0.2) ? (below(9) - 4) * 1_800_000 : 0,
  }
}

function drawStore({ maybe, of }: SeededChance): StoreFaults {
  return {
    busy: maybe(0.5) ? of([0.05, 0.3] as const) : 0,
    busyMs: of([2, 20, 300, 2_500] as const),
    slowAnswer: maybe(0.5) ? of([0.05, 0.3] as const) : 0,
    slowAnswerMs: of([2, 20, 300, 1_500] as const),
    refuse: maybe(0.4) ? of([0.01, 0.1] as const) : 0,
    breakAfter: maybe(0.15) ? 0.004 : 0,
    unknown: maybe(0.25) ? 0.05 : 0,
    die: maybe(0.35) ? of([0.003, 0.01] as const) : 0,
    syncMs: of([0, 0, 5, 40] as const),
  }
}
