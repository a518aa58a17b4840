/** How large the worlds are that the model explores. */

/** One world: who takes part in it and how much may go wrong. All counts are at most 15, tasks at most 2. */
export interface Scope {
  readonly says: string
  /** Processes that may run at once. */
  readonly processes: number
  readonly tasks: number
  /** The second task waits behind the first. */
  readonly series: boolean
  /** Attempts that may fail before the task does. */
  readonly attempts: number
  readonly kills: number
  /** Rescues of workers that live; a perfect reaper makes none. */
  readonly wrongRescues: number
  /** Finishes whose answer is lost, or that are refused in a way that leaves the worker without knowledge. */
  readonly losses: number
  readonly cancels: number
  readonly requeues: number
  /** Claims given back one by one, and graceful stops. */
  readonly handBacks: number
  /** Retries that cost no attempt. */
  readonly deferrals: number
  /** Whether tasks are also claimed ahead of their turn. */
  readonly early: boolean
  /** Whether tasks are also added for later. */
  readonly delays: boolean
  /** Whether succeeded tasks are removed as they end, and the history is pruned. */
  readonly forgets: boolean
}

/**
 * What there is to explore, in the order in which it is. `safety`: the reaper may be wrong at any time about anyone.
 * `liveness`: it is perfect, and everything has to end. `store`: the shipping store takes every step beside the model.
 */
export const MODES = ['safety', 'liveness', 'store'] as const

/** See {@link MODES}. */
export type ModeName = (typeof MODES)[number]

/** Which worlds each mode explores. */
export type ScopeSet = Readonly<Record<ModeName, readonly Scope[]>>

/** The least that can be explored; each world says what it adds. */
const LEAST: Scope = {
  says: 'one task',
  processes: 2,
  tasks: 1,
  series: false,
  attempts: 1,
  kills: 0,
  wrongRescues: 0,
  losses: 0,
  cancels: 0,
  requeues: 0,
  handBacks: 0,
  deferrals: 0,
  early: false,
  delays: false,
  forgets: false,
}

const world = (says: string, more: Partial<Scope>): Scope => ({ ...LEAST, ...more, says })
const series = (says: string, more: Partial<Scope>): Scope => world(says, { tasks: 2, series: true, ...more })

const alone = (scope: Scope): Scope => ({ ...scope, says: `${scope.says}, one process`, processes: 1 })

const WRONG = world('one task, a wrong rescue, a lost answer', { wrongRescues: 1, losses: 1 })
const SERIES = series('a series of two, a wrong rescue', { wrongRescues: 1 })
const USERS = world('one task, a cancel, a requeue, a hand-back', { cancels: 1, requeues: 1, handBacks: 1 })
const KILLED = world('one task, a kill, a lost answer, two attempts', { kills: 1, losses: 1, attempts: 2 })
const TWICE_KILLED = world('one task, two kills', { kills: 2 })
const KILLED_SERIES = series('a series of two, a kill', { kills: 1 })
const STOPPED_SERIES = series('a series of two, a hand-back', { handBacks: 1 })
const EARLY = world('one task ahead of its turn, a wrong rescue', { wrongRescues: 1, early: true, forgets: true })
const EARLY_AGAIN = world('one task ahead of its turn, a requeue', {
  processes: 1,
  requeues: 1,
  handBacks: 1,
  early: true,
})
const RETRIED_SERIES = series('a series of two, two attempts', { processes: 1, attempts: 2 })
const EARLY_SERIES = series('a series of two ahead of its turn, one process', { processes: 1, early: true, kills: 1 })
const CANCELLED_SERIES = series('a series of two, a cancel, a requeue, pruned', {
  processes: 1,
  cancels: 1,
  requeues: 1,
  forgets: true,
})
const POISON = world('one task that outlives three workers, one process', { processes: 1, kills: 3 })
const RETRIES = world('one task for later, retries', { attempts: 2, deferrals: 1, delays: true })

/** Every scope by its name. `small` is for plants and tests, `large` takes minutes. */
export const SCOPES = {
  small: {
    safety: [WRONG, alone(USERS), alone(STOPPED_SERIES), SERIES],
    liveness: [TWICE_KILLED, KILLED, KILLED_SERIES, alone(USERS)],
    store: [
      RETRIES,
      EARLY_AGAIN,
      CANCELLED_SERIES,
      POISON,
      RETRIED_SERIES,
      WRONG,
      EARLY,
      alone(USERS),
      alone(STOPPED_SERIES),
      EARLY_SERIES,
    ],
  },
  default: {
    safety: [
      world('one task, everything once, two attempts', { kills: 1, wrongRescues: 1, losses: 1, attempts: 2 }),
      series('a series of two, a kill, a wrong rescue', { kills: 1, wrongRescues: 1 }),
      world('one task, users and a wrong rescue', { wrongRescues: 1, cancels: 1, requeues: 1, handBacks: 1 }),
      world('one task that outlives three workers, ahead of its turn', { kills: 3, early: true, delays: true }),
    ],
    liveness: [
      world('one task, two kills, a lost answer', { kills: 2, losses: 1, attempts: 2 }),
      series('a series of two, a kill, a lost answer', { kills: 1, losses: 1 }),
      world('one task, users, a kill', { kills: 1, cancels: 1, requeues: 1, handBacks: 1 }),
    ],
    store: [
      RETRIES,
      WRONG,
      USERS,
      { ...EARLY, delays: true },
      EARLY_AGAIN,
      SERIES,
      RETRIED_SERIES,
      CANCELLED_SERIES,
      EARLY_SERIES,
      STOPPED_SERIES,
      POISON,
    ],
  },
  large: {
    safety: [
      world('one task, two kills, two wrong rescues', { kills: 2, wrongRescues: 2, attempts: 2 }),
      world('three processes, a kill, a wrong rescue', { processes: 3, kills: 1, wrongRescues: 1, losses: 1 }),
      series('a series of two, a kill, a wrong rescue, a lost answer', { kills: 1, wrongRescues: 1, losses: 1 }),
      series('a series of two, users', { cancels: 1, requeues: 1, handBacks: 1 }),
      world('two tasks, a kill, a wrong rescue', { tasks: 2, kills: 1, wrongRescues: 1 }),
    ],
    liveness: [
      world('one task, users, a kill, a lost answer', { kills: 1, losses: 1, cancels: 1, requeues: 1, handBacks: 1 }),
      series('a series of two, a kill, a lost answer, two attempts', { kills: 1, losses: 1, attempts: 2 }),
      world('three processes, two kills', { processes: 3, kills: 2, attempts: 2 }),
    ],
    store: [
      { ...RETRIES, kills: 1 },
      { ...WRONG, kills: 1 },
      { ...USERS, wrongRescues: 1 },
      { ...EARLY, delays: true, attempts: 2 },
      SERIES,
      KILLED_SERIES,
      { ...STOPPED_SERIES, cancels: 1, requeues: 1 },
      { ...POISON, early: true },
    ],
  },
} as const satisfies Record<string, ScopeSet>

/** The name of a scope. */
export type ScopeName = keyof typeof SCOPES
