import { Evidence } from '../../proof/crash/evidence.ts'
import type { FinalDatabase, FinalTask } from '../../proof/crash/final-database.ts'
import type { Happening } from '../../proof/crash/history.ts'
import type { PlannedTask } from '../../proof/crash/workload.ts'

/** What request 1 of every story asks for, unless it says otherwise: a series of two. */
export const SERIES = [planned(0), planned(1)]

/** A task of a plan: plain, in the series of its request. */
export function planned(step: number, more: Partial<PlannedTask> = {}): PlannedTask {
  return {
    step,
    ms: 0,
    behaviour: 'plain',
    queue: 'default',
    priority: 0,
    durability: 'power',
    delayMs: undefined,
    parallel: false,
    id: undefined,
    ...more,
  }
}

/** A task of request 1 that succeeded at its first attempt; its id is `a` for step 0, `b` for step 1. */
export function row(step: number, more: Partial<FinalTask> = {}): FinalTask {
  const counters = { claims: 1, crashes: 0, handBacks: 0, deferrals: 0 }
  return { id: 'ab'[step]!, n: 1, step, state: 'succeeded', ...counters, ...more }
}

/** What a history is told with; server 1 has worker 11, server 2 worker 12, and so on. */
export const tell = {
  sent: (server = 1): Happening => ({ what: 'sent', n: 1, server }),
  kept: (server = 1, ids = ['a', 'b']): Happening => ({ what: 'kept', n: 1, server, ids }),
  begin: (step: number, server = 1, attempt = 1): Happening => ({
    what: 'begin',
    n: 1,
    step,
    ...mark(step, server, attempt),
  }),
  end: (step: number, server = 1, attempt = 1, how: 'ok' | 'threw' | 'gave up' | 'interrupted' = 'ok'): Happening => ({
    what: 'end',
    how,
    ...mark(step, server, attempt),
  }),
  recorded: (step: number, server = 1, attempt = 1, state = 'succeeded'): Happening => ({
    what: 'recorded',
    state,
    ...mark(step, server, attempt),
  }),
  claimLost: (step: number, server = 1): Happening => ({ what: 'claim-lost', ...mark(step, server, 1) }),
  registered: (server: number): Happening => ({ what: 'registered', server, worker: 10 + server }),
  rescued: (dead: number, by: number, requeued = ['a']): Happening => ({
    what: 'rescued',
    server: by,
    worker: 10 + dead,
    requeued,
  }),
  kill: (server = 1): Happening => ({ what: 'kill', server }),
  exit: (server: number, code: number | null, awaited = true): Happening => ({
    what: 'exit',
    server,
    code,
    signal: code === null ? 'SIGKILL' : null,
    awaited,
  }),
} as const

function mark(step: number, server: number, attempt: number) {
  return { server, worker: 10 + server, id: 'ab'[step]!, attempt }
}

/** A whole attempt that went well and was recorded. */
export function ran(step: number, server = 1, attempt = 1): Happening[] {
  return [tell.begin(step, server, attempt), tell.end(step, server, attempt), tell.recorded(step, server, attempt)]
}

/** The evidence of a story; a second passes between two happenings, so that none may be mistaken for a late witness. */
export function evidence(
  happenings: readonly Happening[],
  tasks: readonly FinalTask[] = [row(0), row(1)],
  { plan = SERIES, ...rest }: Partial<FinalDatabase> & { readonly plan?: readonly PlannedTask[] } = {},
): Evidence {
  const none = { live: 0, waiting: 0 }
  const final = { tasks, integrity: 'ok', counted: none, recounted: none, ...rest }
  const lines = happenings.map((happening, position) => ({ at: position * 2_000, ...happening }))
  return new Evidence(lines, final, () => plan)
}
