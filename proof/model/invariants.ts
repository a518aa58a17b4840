/**
 * What has to hold in every state and over every step, told without a look at the protocol: a protocol that breaks it
 * cannot talk its checker into believing that it does not. The numbers C1 to C15 are those of docs/proof/README.md.
 */
import { holdsBack, isFinalRow, isLive } from './rows.ts'
import type { Scope } from './scopes.ts'
import type { Row, State } from './state.ts'
import type { Step } from './step.ts'

/** What is wrong with the state, or undefined. */
export function stateFault(state: State, scope: Scope): string | undefined {
  for (const [task, row] of state.rows.entries()) {
    const fault = rowFault(state, row, task, scope)
    if (fault !== undefined) return `${fault} (task ${task + 1})`
  }
  return overlapFault(state)
}

function rowFault({ rows, workers, reaper }: State, row: Row, task: number, scope: Scope): string | undefined {
  const isRunning = row.state === 'running'
  if (row.effects > 1) return `C5: the effects in its finish's transaction were committed ${row.effects} times`
  if (row.state === 'succeeded' && row.effects !== 1) return 'C5: it succeeded without its effects'
  if (row.effects > 0 && row.state !== 'succeeded' && row.state !== 'gone') {
    return `C5: its effects are committed while it is ${row.state}`
  }
  if (isRunning !== (row.owner !== 0)) return `C15: it is ${row.state} and its owner is ${row.owner}`
  // A rescue that takes two transactions is allowed to be between them.
  if (isRunning && !workers[row.owner - 1]!.registered && reaper.target !== row.owner) {
    return `C15: its owner, worker ${row.owner}, is not registered`
  }
  if (row.early && !isRunning) return `C15: it is ${row.state} and marked as claimed ahead of its turn`
  if (row.cancelling && isLive(row) && !isRunning) return `C15: it is ${row.state} and somebody waits for its cancel`
  if (row.state === 'waiting' && !(task > 0 && holdsBack(rows[task - 1]!))) return 'C6: it waits behind nobody'
  return countFault(row, scope)
}

function countFault(row: Row, scope: Scope): string | undefined {
  if (row.state === 'absent' || row.state === 'gone') return undefined
  const ended = row.ends + row.crashes + row.handBacks + row.deferrals
  if (row.claims !== ended + (row.state === 'running' ? 1 : 0)) {
    return `C9: ${row.claims} claims, but ${ended} of them ended and it is ${row.state}`
  }
  if (row.crashes > (row.state === 'quarantined' ? 3 : 2)) return `C9: it is ${row.state} after ${row.crashes} crashes`
  if (row.state === 'quarantined' && row.crashes < 3) return `C9: it was put aside after ${row.crashes} crashes`
  if (row.ends > scope.attempts) return `C9: ${row.ends} attempts ended where ${scope.attempts} were allowed`
  return undefined
}

/** C4: whoever is not fenced runs what it holds, and nothing else. So no two such attempts of one task overlap. */
function overlapFault({ rows, workers }: State): string | undefined {
  for (const [i, worker] of workers.entries()) {
    if (worker.life !== 'up' || !worker.registered) continue
    for (const [task, { phase, claims }] of worker.attempts.entries()) {
      if (phase !== 'held' && phase !== 'running') continue
      const row = rows[task]!
      if (row.state === 'running' && row.owner === i + 1 && row.claims === claims) continue
      const has = phase === 'held' ? 'is about to run' : 'runs'
      return `C4: worker ${i + 1} is not fenced and ${has} task ${task + 1}, which is ${row.state}, not its own`
    }
  }
  return undefined
}

/** How many attempts of one task run at the same time at most. More than one is fine while all but one are fenced. */
export function runningAtOnce({ workers }: State, task: number): number {
  return workers.filter(({ attempts }) => attempts[task]!.phase === 'running').length
}

/** What is wrong with the step, or undefined. */
export function stepFault(before: State, step: Step, after: State): string | undefined {
  for (const [task, row] of before.rows.entries()) {
    const then = after.rows[task]!
    if (isSame(row, then)) continue
    const fault = changeFault(before, step, after, task, row, then)
    if (fault !== undefined) return `${fault} (task ${task + 1})`
  }
  return answerFault(before, step, after)
}

function isSame(a: Row, b: Row): boolean {
  return (
    a.state === b.state &&
    a.owner === b.owner &&
    a.claims === b.claims &&
    a.crashes === b.crashes &&
    a.handBacks === b.handBacks &&
    a.deferrals === b.deferrals &&
    a.early === b.early &&
    a.suspect === b.suspect &&
    a.passed === b.passed &&
    a.cancelling === b.cancelling &&
    a.ends === b.ends &&
    a.effects === b.effects
  )
}

function changeFault(before: State, step: Step, after: State, task: number, row: Row, then: Row): string | undefined {
  if (isFinalRow(row)) {
    const mayChange = step.verb === 'prune' || (step.verb === 'requeue' && row.state !== 'succeeded')
    if (!mayChange) return `C3: it was ${row.state}, and changed`
  }
  if (row.state === 'running' && !mayTouch(before, step, task, row)) {
    return `C4: it was held by worker ${row.owner} under claim ${row.claims}, and another one changed it`
  }
  const starts = then.state === 'ready' || then.state === 'running'
  if (row.state === 'waiting' && starts && holdsBack(after.rows[task - 1]!)) {
    return 'C6: it started before the first attempt of the one before it had ended'
  }
  if (then.effects > row.effects && then.state !== 'succeeded' && then.state !== 'gone') {
    return 'C5: effects were committed by a finish that was refused'
  }
  return undefined
}

/** A running task belongs to one claim; others may ask for its cancel, or fence its worker. */
function mayTouch({ workers }: State, step: Step, task: number, row: Row): boolean {
  switch (step.verb) {
    case 'cancel':
      return step.task === task
    case 'rescue':
      return step.worker === row.owner
    case 'reap':
      return !workers[row.owner - 1]!.registered
    case 'stop':
      return step.worker === row.owner
    case 'mark':
    case 'handBack':
    case 'commit': {
      const { claims, phase } = workers[step.worker - 1]!.attempts[task]!
      return (
        phase !== 'none' && step.task === task && claims === row.claims && isWriter(workers, step.worker, row.owner)
      )
    }
    default:
      return false
  }
}

/** Whether that worker's process writes in the name of the owner: a process writes as its latest incarnation. */
function isWriter(workers: State['workers'], worker: number, owner: number): boolean {
  const [one, other] = [workers[worker - 1]!, workers[owner - 1]!]
  return one.life === 'up' ? worker === owner : other.life === 'up' && other.process === one.process
}

/** Who holds a claim gets its outcome recorded; who does not is told so. */
function answerFault({ rows, workers }: State, step: Step, after: State): string | undefined {
  if (step.verb !== 'commit') return undefined
  const { claims } = workers[step.worker - 1]!.attempts[step.task]!
  const row = rows[step.task]!
  const isHolder = row.state === 'running' && row.claims === claims && isWriter(workers, step.worker, row.owner)
  const { recorded } = after.workers[step.worker - 1]!.attempts[step.task]!
  if (recorded === isHolder) return undefined
  return recorded ? 'C4: a lost claim was recorded' : 'C1: the outcome of a held claim was refused'
}
