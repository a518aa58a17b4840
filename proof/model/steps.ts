/** Which steps are possible in a state. */
import type { Protocol } from './protocol.ts'
import { isFinalRow, isLive, matches } from './rows.ts'
import type { Scope } from './scopes.ts'
import type { Attempt, EndMove, State, Worker } from './state.ts'
import type { AddHow, Probe, Room, Step } from './step.ts'

/** In `safety` the reaper may be wrong at any time about anyone; in `liveness` it is perfect. */
export type Mode = 'safety' | 'liveness'

/** What decides which steps there are. */
export interface Rules {
  readonly scope: Scope
  readonly protocol: Protocol
  readonly mode: Mode
}

/** Every step that is possible, always in the same order. */
export function stepsOf(state: State, rules: Rules): Step[] {
  const steps: Step[] = [...addSteps(state, rules.scope), ...userSteps(state, rules.scope)]
  const looking = state.workers.findIndex((worker) => isWorking(worker) && worker.registered)
  if (looking !== -1 && state.rows.some((row) => row.state === 'scheduled')) {
    steps.push({ verb: 'due', worker: looking + 1 })
  }
  for (const [i, worker] of state.workers.entries()) {
    if (worker.life === 'up') steps.push(...workerSteps(state, worker, i + 1, rules))
    if (worker.life === 'up' || worker.life === 'former') {
      for (const [task, attempt] of worker.attempts.entries()) {
        if (attempt.phase !== 'none') steps.push(...attemptSteps(state, attempt, i + 1, task, rules))
      }
    }
  }
  steps.push(...processSteps(state, rules), ...reaperSteps(state, rules))
  return steps
}

/** Whether the way to an end may count on that step: nobody has to kill, lose or cancel anything for it. */
export function isProgress(step: Step): boolean {
  switch (step.verb) {
    case 'claim':
      return step.heard
    case 'rescue':
      return step.fences
    case 'add':
    case 'kill':
    case 'lose':
    case 'refuse':
    case 'cancel':
    case 'requeue':
    case 'handBack':
    case 'stop':
    case 'prune':
      return false
    default:
      return true
  }
}

function isWorking(worker: Worker): boolean {
  return worker.life === 'up' && !worker.leaving
}

function addSteps({ rows, workers }: State, scope: Scope): Step[] {
  const worker = workers.findIndex(isWorking) + 1
  const first = rows.findIndex((row) => row.state === 'absent')
  if (worker === 0 || first === -1) return []
  const hows: AddHow[] = ['claimed', 'ready']
  if (scope.early) hows.push('early')
  if (scope.delays && !(scope.series && first > 0)) hows.push('scheduled')
  const alone = hows.map((how): Step => ({ verb: 'add', worker, tasks: [first], how }))
  if (!scope.series || first > 0) return alone
  return [...alone, ...hows.map((how): Step => ({ verb: 'add', worker, tasks: [0, 1], how }))]
}

function userSteps({ rows, budget }: State, scope: Scope): Step[] {
  const steps: Step[] = []
  for (const [task, row] of rows.entries()) {
    if (budget.cancels > 0 && isLive(row) && !row.cancelling) steps.push({ verb: 'cancel', task })
    const comesBack = row.state === 'failed' || row.state === 'cancelled' || row.state === 'quarantined'
    if (budget.requeues > 0 && comesBack) steps.push({ verb: 'requeue', task })
  }
  if (scope.forgets && rows.some(isFinalRow)) steps.push({ verb: 'prune' })
  return steps
}

function workerSteps(state: State, worker: Worker, id: number, { scope, protocol }: Rules): Step[] {
  if (worker.leaving) return [{ verb: 'leave', worker: id }]
  const steps: Step[] = []
  if (!worker.registered) steps.push({ verb: 'learn', worker: id })
  else {
    const safe = state.rows.findIndex((row) => row.state === 'ready' && row.crashes < 2)
    const next = safe === -1 ? state.rows.findIndex((row) => row.state === 'ready') : safe
    // An outcome that is still to be written goes before the claim, in the same transaction: that is `commit` with room.
    if (next !== -1 && worker.attempts[next]!.phase === 'none') {
      steps.push({ verb: 'claim', worker: id, early: false, heard: true })
      if (scope.early && safe !== -1) steps.push({ verb: 'claim', worker: id, early: true, heard: true })
      if (protocol.claimReply === 'may be lost' && state.budget.losses > 0) {
        steps.push({ verb: 'claim', worker: id, early: false, heard: false })
      }
    }
  }
  if (state.budget.handBacks > 0) steps.push({ verb: 'stop', worker: id })
  return steps
}

function attemptSteps(state: State, attempt: Attempt, worker: number, task: number, rules: Rules): Step[] {
  const { losses, handBacks } = state.budget
  switch (attempt.phase) {
    case 'none':
      return []
    case 'held': {
      const steps: Step[] =
        attempt.early && attempt.risky ? [{ verb: 'mark', worker, task }] : [{ verb: 'begin', worker, task }]
      if (isCancelled(state, attempt, worker, task)) steps.push({ verb: 'end', worker, task, move: 'cancel' })
      if (handBacks > 0) steps.push({ verb: 'handBack', worker, task })
      return steps
    }
    case 'running': {
      const marks: Step[] = attempt.early ? [{ verb: 'mark', worker, task }] : []
      return [...marks, ...endSteps(state, attempt, worker, task, rules.scope)]
    }
    case 'ended': {
      const refused: Step[] = losses > 0 ? [{ verb: 'refuse', worker, task }] : []
      return [...commitSteps(state, worker, task, rules.scope), ...refused]
    }
    case 'replied': {
      const lost: Step[] = losses > 0 ? [{ verb: 'lose', worker, task }] : []
      return [{ verb: 'hear', worker, task }, ...lost]
    }
    case 'unknown':
      switch (rules.protocol.unknownFinish) {
        case 'is written again':
          return commitSteps(state, worker, task, rules.scope)
        case 'counts as failed':
          return [{ verb: 'rerun', worker, task }]
        case 'counts as recorded':
          return [{ verb: 'believe', worker, task }]
      }
  }
}

function isCancelled({ rows }: State, { claims }: Attempt, worker: number, task: number): boolean {
  const row = rows[task]!
  return row.cancelling && matches(row, worker, claims, 'state, worker and claim')
}

function endSteps(state: State, attempt: Attempt, worker: number, task: number, scope: Scope): Step[] {
  const moves: EndMove[] = ['succeed', 'fail']
  if (attempt.failed < scope.attempts) moves.push('retry')
  if (state.budget.deferrals > 0) moves.push('defer')
  if (isCancelled(state, attempt, worker, task)) moves.push('cancel')
  return moves.map((move) => ({ verb: 'end', worker, task, move }))
}

function commitSteps({ rows }: State, worker: number, task: number, scope: Scope): Step[] {
  const rooms: Room[] = ['none']
  // A claim in the same transaction matters where there is another task.
  const isOther = rows.some((row, i) => i !== task && (row.state === 'ready' || row.state === 'waiting'))
  if (isOther) rooms.push('place')
  if (isOther && scope.early) rooms.push('early')
  return rooms.map((room) => ({ verb: 'commit', worker, task, room }))
}

function processSteps(state: State, { scope, protocol }: Rules): Step[] {
  const steps: Step[] = []
  for (let process = 1; process <= scope.processes; process++) {
    const isUp = state.workers.some((worker) => worker.life === 'up' && worker.process === process)
    if (isUp && state.budget.kills > 0) steps.push({ verb: 'kill', process })
    if (!isUp && (hasIdentity(state, process, protocol) || state.workers.some((worker) => worker.life === 'unborn'))) {
      steps.push({ verb: 'restart', process })
    }
  }
  return steps
}

function hasIdentity({ workers }: State, process: number, { restart }: Protocol): boolean {
  return restart === 'under the old identity' && workers.some((worker) => worker.process === process)
}

function reaperSteps(state: State, { protocol, mode }: Rules): Step[] {
  if (state.reaper.target !== 0) return [{ verb: 'reap' }]
  const steps: Step[] = []
  for (const [i, target] of state.workers.entries()) {
    const by = state.workers.find((worker, j) => j !== i && isWorking(worker))?.process
    if (by === undefined || !target.registered) continue
    if (target.life === 'dead') steps.push({ verb: 'rescue', worker: i + 1, by, fences: true })
    else if (mode === 'safety' && state.budget.wrongRescues > 0) {
      steps.push({ verb: 'rescue', worker: i + 1, by, fences: true })
    } else if (mode === 'liveness' && protocol.reaps === 'whoever runs long') {
      const runsLong = state.rows.some((row) => row.state === 'running' && row.owner === i + 1)
      if (runsLong) steps.push({ verb: 'rescue', worker: i + 1, by, fences: false })
    }
  }
  return steps
}

const PROBED: readonly EndMove[] = ['succeed', 'retry', 'defer', 'fail', 'cancel']

/** What a store must answer without any change: beats, and writes of somebody who does not hold the task. */
export function probesOf(state: State): Probe[] {
  const probes: Probe[] = []
  for (const [i, { life }] of state.workers.entries()) {
    if (life === 'up') probes.push({ verb: 'beat', worker: i + 1 })
  }
  if (!state.rows.some(isFinalRow)) probes.push({ verb: 'prune as' })
  for (const [task, row] of state.rows.entries()) {
    if (isLive(row) || row.state === 'succeeded') probes.push({ verb: 'requeue as', task })
    if (!isLive(row)) probes.push({ verb: 'cancel as', task })
    if (row.state === 'absent' || row.state === 'gone') continue
    for (const [worker, claims] of strangers(state, row.owner, row.claims)) {
      for (const move of PROBED) probes.push({ verb: 'finish as', worker, task, claims, move })
      probes.push({ verb: 'hand back as', worker, task, claims, move: 'cancel' })
      probes.push({ verb: 'mark as', worker, task, claims, move: 'cancel' })
    }
  }
  return probes
}

/** Who does not hold the task: its holder under an earlier claim, and another worker under this one. */
function strangers({ workers }: State, owner: number, claims: number): [worker: number, claims: number][] {
  const other = workers.findIndex((worker, i) => worker.life === 'up' && i + 1 !== owner) + 1
  const found: [number, number][] = []
  if (owner !== 0) found.push([owner, claims - 1])
  if (other !== 0) found.push([other, claims])
  return found
}
