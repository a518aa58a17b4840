/** The steps of the model as verbs of the shipping store, and its answers in the words of the model. */
import type { ClaimedTask, NewTask, Outcome, TaskId } from '../../src/model/task.ts'
import type { ClaimAsk, WriteBatch } from '../../src/ports/store.ts'
import { cancelled, fail, newTask, registration, retry, succeed } from '../../src/stores/conformance/fixtures.ts'
import type { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import type { Answer } from './rows.ts'
import type { Scope } from './scopes.ts'
import type { EndMove, State } from './state.ts'
import type { AddHow, Room, Step } from './step.ts'

/** Time stands still but for the step `due`. */
const NOW = Date.UTC(2026, 0, 1)
const LATER = NOW + 60_000

/** Ids as the library makes them, the second a millisecond younger. */
export const IDS: readonly TaskId[] = ['019b7602-8c00-7000-8000-000000000001', '019b7602-8c01-7000-8000-000000000002']

const NO_ROOM: ClaimAsk = { room: new Map(), probation: false }
const ROOM: ClaimAsk = { room: new Map([['default', 1]]), probation: true }
const EARLY_ROOM: ClaimAsk = { ...ROOM, early: new Map([['default', 1]]) }
const ROOMS = { none: undefined, place: ROOM, early: EARLY_ROOM } as const satisfies Record<Room, ClaimAsk | undefined>
const KEEP_NOTHING = { succeeded: 0, failed: 0, cancelled: 0, quarantined: 0 }

/** Registers the workers of the first state, as incarnations 1 and up. */
export async function registerAll(store: SqliteStore, processes: number): Promise<void> {
  for (let i = 0; i < processes; i++) await store.register(registration())
}

/** Does in the store what the step means for it. A step that stays inside of a process is nothing to the store. */
export async function execute(store: SqliteStore, step: Step, state: State, scope: Scope): Promise<Answer> {
  switch (step.verb) {
    case 'add':
      return write(store, step.worker, { adds: step.tasks.map((task) => taskOf(task, step.how, step.worker, scope)) })
    case 'due':
      return write(store, step.worker, { claim: NO_ROOM }, LATER)
    case 'claim':
      return write(store, step.worker, { claim: step.early ? EARLY_ROOM : ROOM })
    case 'mark': {
      const { claims } = attemptOf(state, step.worker, step.task)
      return write(store, writerOf(state, step.worker), { begun: [{ id: IDS[step.task]!, claims }] })
    }
    case 'commit': {
      const { claims, move } = attemptOf(state, step.worker, step.task)
      const outcomes = [outcomeOf(step.task, claims, move, scope)]
      return write(store, writerOf(state, step.worker), { outcomes, claim: ROOMS[step.room] })
    }
    case 'handBack': {
      const { claims } = attemptOf(state, step.worker, step.task)
      return handBack(store, step.worker, [{ id: IDS[step.task]!, claims }])
    }
    case 'stop':
      return handBack(store, step.worker, 'all')
    case 'leave':
      return store.retire(step.worker).then(() => ({}))
    case 'restart':
      return store.register(registration()).then(() => ({}))
    case 'learn':
      return learn(store, step.worker)
    case 'rescue':
      return rescue(store, step.worker)
    case 'cancel':
    case 'cancel as':
      return store.cancel(IDS[step.task]!, NOW).then(({ kind }) => ({ cancel: kind }))
    case 'requeue':
    case 'requeue as':
      return store.requeue(IDS[step.task]!).then((done) => ({ done }))
    case 'prune':
    case 'prune as':
      return store.prune(KEEP_NOTHING, NOW, 100).then(({ removed }) => ({ removed }))
    case 'beat':
      return store.beat(step.worker).then((alive) => ({ alive }))
    case 'finish as': {
      const outcomes = [outcomeOf(step.task, step.claims, step.move, scope)]
      return write(store, step.worker, { outcomes })
    }
    case 'hand back as':
      return handBack(store, step.worker, [{ id: IDS[step.task]!, claims: step.claims }])
    case 'mark as':
      return write(store, step.worker, { begun: [{ id: IDS[step.task]!, claims: step.claims }] })
    case 'begin':
    case 'end':
    case 'hear':
    case 'lose':
    case 'refuse':
    case 'rerun':
    case 'believe':
    case 'kill':
    case 'reap':
      throw new Error(`"${step.verb}" is no step of the store.`)
  }
}

function attemptOf(state: State, worker: number, task: number): State['workers'][number]['attempts'][number] {
  return state.workers[worker - 1]!.attempts[task]!
}

function writerOf({ workers }: State, worker: number): number {
  const { life, process } = workers[worker - 1]!
  return life === 'up' ? worker : workers.findIndex((other) => other.life === 'up' && other.process === process) + 1
}

function taskOf(task: number, how: AddHow, worker: number, { series }: Scope): NewTask {
  const isClaimed = how === 'claimed' || how === 'early'
  return newTask({
    id: IDS[task]!,
    addedAt: NOW + task,
    dueAt: how === 'scheduled' ? NOW + 1_000 : undefined,
    series: series ? IDS[0]! : undefined,
    after: series && task > 0 ? IDS[task - 1]! : undefined,
    claimFor: isClaimed ? worker : undefined,
    early: how === 'early',
  })
}

function outcomeOf(task: number, claims: number, move: EndMove, { forgets }: Scope): Outcome {
  const claim = { id: IDS[task]!, claims }
  switch (move) {
    case 'succeed':
      return succeed(claim, { forget: forgets })
    case 'retry':
      return retry(claim, NOW + 1_000)
    case 'defer':
      return retry(claim, NOW + 1_000, false)
    case 'fail':
      return fail(claim)
    case 'cancel':
      return cancelled(claim)
  }
}

async function write(store: SqliteStore, worker: number, batch: Partial<WriteBatch>, now = NOW): Promise<Answer> {
  const nothing = { adds: [], outcomes: [], progress: [], durability: undefined, claim: undefined }
  const written = await store.write({ ...nothing, ...batch, worker }, now)
  return {
    fenced: written.fenced,
    ...(batch.adds === undefined
      ? {}
      : { added: written.added.map((one) => (one.kind === 'added' ? one.state : 'failed')) }),
    ...(batch.outcomes === undefined ? {} : { recorded: written.recorded[0]!, released: tasksOf(written.released) }),
    ...(batch.claim === undefined && batch.outcomes === undefined
      ? {}
      : { claimed: tasksOf(written.claimed?.tasks ?? []) }),
  }
}

function tasksOf(claimed: readonly Pick<ClaimedTask, 'id'>[]): number[] {
  return numbersOf(claimed.map(({ id }) => id))
}

function numbersOf(ids: readonly TaskId[]): number[] {
  return ids.map((id) => IDS.indexOf(id)).sort((a, b) => a - b)
}

async function handBack(
  store: SqliteStore,
  worker: number,
  claims: Parameters<SqliteStore['handBack']>[1],
): Promise<Answer> {
  return { handedBack: numbersOf(await store.handBack(worker, claims, NOW)) }
}

async function learn(store: SqliteStore, worker: number): Promise<Answer> {
  const alive = await store.beat(worker)
  await store.register(registration())
  return { alive }
}

async function rescue(store: SqliteStore, worker: number): Promise<Answer> {
  const { requeued, quarantined } = await store.rescue(worker, NOW)
  return { requeued: numbersOf(requeued), quarantined: numbersOf(quarantined) }
}
