import { isFinal, LIVE_STATES, type TaskState } from '../../model/task-state.ts'
/**
 * The contract of `Store` once more, as the plainest program that keeps it: lists in memory, walked from end to end.
 * The random walks ask it what a store should have answered.
 */
import type {
  ClaimedTask,
  Incarnation,
  Instant,
  NewTask,
  Outcome,
  Retention,
  TaskId,
  TaskRecord,
} from '../../model/task.ts'
import type { Added, CancelAnswer, ClaimAsk, WriteBatch } from '../../ports/store.ts'

/** What the model keeps of a task; `passed` says that its first attempt has ended. */
export type ModelTask = { -readonly [K in keyof TaskRecord]: TaskRecord[K] } & { passed: boolean; suspect: boolean }

/** A claimed task, as far as the model knows it. */
export type ModelClaim = Pick<ClaimedTask, 'id' | 'claims' | 'early' | 'suspect'>

/** What a write should have answered. Queues in which something became ready are the least that has to be told. */
export interface ModelWritten {
  readonly added: readonly Added[]
  readonly recorded: readonly boolean[]
  readonly released: readonly ModelClaim[]
  readonly ready: ReadonlySet<string>
  readonly claimed: readonly ModelClaim[] | undefined
  readonly nextDueAt: Instant | undefined
  readonly cancelling: readonly TaskId[]
  readonly fenced: boolean
}

/** What a worker can run: the newest version by name. */
export type Versions = ReadonlyMap<string, number>

/** See the top of the file. */
export class ModelStore {
  readonly tasks = new Map<TaskId, ModelTask>()
  readonly workers = new Map<Incarnation, Versions>()
  readonly paused = new Set<string>()
  #ready = new Set<string>()
  /** What was there already in this write, by series, and whom those who wanted to wait behind it wait for instead. */
  #links = new Map<string, TaskId | undefined>()
  #room = new Map<string, number>()
  #early: ReadonlyMap<string, number> = new Map()

  get live(): number {
    return this.in(...LIVE_STATES).length
  }

  /** The tasks in these states, the oldest first. */
  in(...states: readonly TaskState[]): ModelTask[] {
    return [...this.tasks.values()].filter((task) => states.includes(task.state)).sort((a, b) => a.addedAt - b.addedAt)
  }

  /** The running tasks of a worker. */
  heldBy(worker: Incarnation | undefined): ModelTask[] {
    return this.in('running').filter((task) => task.worker === worker)
  }

  write({ worker, begun = [], outcomes, adds, claim }: WriteBatch, now: Instant): ModelWritten {
    const names = worker === undefined ? undefined : this.workers.get(worker)
    this.#ready = new Set()
    this.#links = new Map()
    this.#room = new Map(names === undefined ? [] : claim?.room)
    this.#early = new Map(claim?.early)
    const released: ModelClaim[] = []
    for (const { id, claims } of names === undefined ? [] : begun) {
      const task = this.tasks.get(id)
      if (task?.state === 'running' && task.worker === worker && task.claims === claims) task.early = false
    }
    const recorded = outcomes.map((outcome) => {
      const isHeld = this.#record(outcome, worker, now)
      if (isHeld) released.push(...this.#release(outcome.id, worker, names))
      return isHeld
    })
    const added = adds.map((task) => this.#add(task, names === undefined ? undefined : worker))
    const claims = claim !== undefined && worker !== undefined && names !== undefined
    return {
      added,
      recorded,
      released,
      claimed: claims ? this.#claim(claim, worker, names, now) : undefined,
      nextDueAt: claims ? this.in('scheduled').reduce(earlier, undefined) : undefined,
      cancelling: claims ? this.heldBy(worker).flatMap((task) => (task.cancelling ? [task.id] : [])) : [],
      fenced: worker !== undefined && names === undefined,
      ready: this.#ready,
    }
  }

  #record(outcome: Outcome, worker: Incarnation | undefined, now: Instant): boolean {
    const task = this.tasks.get(outcome.id)
    if (task?.state !== 'running' || task.worker !== worker || task.claims !== outcome.claims) return false
    task.error = outcome.error
    switch (outcome.move) {
      case 'succeed':
        task.result = outcome.result
        end(task, 'succeeded', now)
        if (outcome.forget) this.tasks.delete(task.id)
        break
      case 'retry':
        if (task.cancelling) end(task, 'cancelled', now)
        else {
          const { dueAt } = outcome
          Object.assign(task, { state: 'scheduled', dueAt, worker: undefined, passed: true, early: false })
          if (!outcome.costsAttempt) task.deferrals++
        }
        break
      case 'fail':
        end(task, 'failed', now)
        break
      case 'cancel':
        end(task, 'cancelled', now)
        break
    }
    return true
  }

  /** What waits behind a task whose first attempt has ended; the finishing worker takes what it has room for. */
  #release(id: TaskId, worker?: Incarnation, names?: Versions): ModelClaim[] {
    const followers = this.in('waiting').filter((task) => task.after === id)
    return followers.flatMap((task) => {
      const room = this.#room.get(task.queue) ?? 0
      if (worker === undefined || !knows(names, task) || room <= 0 || this.paused.has(task.queue)) {
        this.#makeReady(task)
        return []
      }
      this.#room.set(task.queue, room - 1)
      return [take(task, worker, room <= (this.#early.get(task.queue) ?? 0))]
    })
  }

  #makeReady(task: ModelTask): void {
    Object.assign(task, { state: 'ready', worker: undefined, dueAt: undefined })
    this.#ready.add(task.queue)
  }

  #add(given: NewTask, worker: Incarnation | undefined): Added {
    const there = this.tasks.get(given.id)
    const holder = given.after === undefined ? undefined : this.#holderFor(given.after, given.series)
    if (there !== undefined) {
      const isSame = there.name === given.name && there.input.text === given.input.text
      // What was there already is no link of a series: what comes next waits behind the one before it, and nobody behind
      // a stranger whose id was wanted.
      const link = `${given.series ?? given.id} ${given.id}`
      if (holder !== undefined || !isSame) this.#links.set(link, holder)
      else this.#links.delete(link)
      return isSame ? { kind: 'exists', state: there.state } : { kind: 'taken', by: there.name }
    }
    const { idempotent: _, claimFor, early, ...fields } = given
    const task: ModelTask = { ...fields, ...UNTOUCHED, after: given.dueAt === undefined ? holder : undefined }
    this.tasks.set(given.id, task)
    if (given.dueAt !== undefined) task.state = 'scheduled'
    else if (holder !== undefined) task.state = 'waiting'
    else if (claimFor !== undefined && claimFor === worker && !this.paused.has(given.queue)) {
      take(task, claimFor, early === true)
    } else this.#ready.add(given.queue)
    return { kind: 'added', state: task.state }
  }

  #holderFor(after: TaskId, series: TaskId | undefined): TaskId | undefined {
    const link = `${series ?? after} ${after}`
    const behind = this.#links.has(link) ? this.#links.get(link) : after
    return behind === undefined ? undefined : this.#holder(behind)
  }

  /** Who holds back what comes after `id`: itself, or, when it was cancelled as it waited, the one before it. */
  #holder(id: TaskId): TaskId | undefined {
    const task = this.tasks.get(id)
    if (task === undefined || task.passed) return undefined
    if (!isFinal(task.state)) return id
    const waited = task.state === 'cancelled' && task.claims === 0
    return waited && task.after !== undefined ? this.#holder(task.after) : undefined
  }

  #claim({ room, probation }: ClaimAsk, worker: Incarnation, names: Versions, now: Instant): ModelClaim[] {
    for (const task of this.in('scheduled')) if (task.dueAt! <= now) this.#makeReady(task)
    const claimed: [ModelTask, ModelClaim][] = []
    let risk: ClaimAsk['probation'] = probation
    for (const queue of room.keys()) {
      if (this.paused.has(queue)) continue
      const known = this.in('ready').filter((task) => task.queue === queue && knows(names, task))
      const rooms = this.#room.get(queue)!
      const places = Math.max(0, rooms - (this.#early.get(queue) ?? 0))
      const risky = known.find((task) => task.crashes >= 2)
      const first = risk === 'first' && rooms > 0 && risky !== undefined ? [risky] : []
      const others = known.filter((task) => task.crashes < 2).sort(byPriority)
      const chosen = [...first, ...others.slice(0, rooms - first.length)]
      if (risk === true && risky !== undefined && chosen.length < places) chosen.push(risky)
      if (risky !== undefined && chosen.includes(risky)) risk = false
      for (const [i, task] of chosen.entries()) {
        claimed.push([task, take(task, worker, i >= places || task.crashes > 0)])
      }
    }
    return claimed.sort(([a], [b]) => byPriority(a, b)).map(([, claim]) => claim)
  }

  handBack(worker: Incarnation, claims: readonly { id: TaskId; claims: number }[] | 'all', now: Instant): TaskId[] {
    const held = this.heldBy(worker).filter(
      (task) => claims === 'all' || claims.some(({ id, claims }) => id === task.id && claims === task.claims),
    )
    return held.flatMap((task) => {
      if (task.cancelling) {
        this.#endUnheard(task, 'cancelled', now)
        return []
      }
      this.#makeReady(task)
      if (task.early) task.deferrals++
      else task.handBacks++
      task.early = false
      return [task.id]
    })
  }

  rescue(dead: Incarnation, now: Instant): { requeued: TaskId[]; quarantined: TaskId[]; ready: ReadonlySet<string> } {
    this.workers.delete(dead)
    this.#ready = new Set()
    const [requeued, quarantined]: [TaskId[], TaskId[]] = [[], []]
    for (const task of this.heldBy(dead)) {
      if (task.cancelling) this.#endUnheard(task, 'cancelled', now)
      else if (!task.early && ++task.crashes > 2) {
        this.#endUnheard(task, 'quarantined', now)
        quarantined.push(task.id)
      } else {
        this.#makeReady(task)
        if (task.early) Object.assign(task, { suspect: true, early: false, deferrals: task.deferrals + 1 })
        requeued.push(task.id)
      }
    }
    return { requeued, quarantined, ready: this.#ready }
  }

  cancel(id: TaskId, now: Instant): CancelAnswer {
    const task = this.tasks.get(id)
    if (task === undefined) return { kind: 'unknown' }
    if (isFinal(task.state)) return { kind: 'finished' }
    if (task.state === 'running') {
      task.cancelling = true
      return { kind: 'requested', worker: task.worker! }
    }
    if (task.state === 'waiting') {
      for (const follower of this.in('waiting')) if (follower.after === id) follower.after = task.after
      end(task, 'cancelled', now)
    } else this.#endUnheard(task, 'cancelled', now)
    return { kind: 'cancelled' }
  }

  requeue(id: TaskId): boolean {
    const task = this.tasks.get(id)
    if (task === undefined || !isFinal(task.state) || task.state === 'succeeded') return false
    const holder = this.#holder(id)
    if (holder !== undefined) {
      // Its series has not got that far: it takes its place again.
      Object.assign(task, { state: 'waiting', after: holder, finishedAt: undefined })
      return true
    }
    this.#makeReady(task)
    const fresh = {
      suspect: false,
      crashes: 0,
      handBacks: 0,
      deferrals: task.claims,
      cancelling: false,
      after: undefined,
      passed: true,
    }
    Object.assign(task, fresh, { result: undefined, finishedAt: undefined })
    return true
  }

  ahead(id: TaskId): TaskId[] {
    const task = this.tasks.get(id)
    return task?.state === 'waiting' ? [...this.ahead(task.after!), task.after!] : []
  }

  prune(retention: Retention, now: Instant): number {
    const old = [...this.tasks.values()].filter(
      // What was cancelled as it waited is a link of its series as long as somebody before it holds back others.
      ({ id, state, finishedAt }) =>
        isFinal(state) && finishedAt! <= now - retention[state] && this.#holder(id) === undefined,
    )
    for (const { id } of old) this.tasks.delete(id)
    return old.length
  }

  /** A task ends without an outcome: nobody is there to take what waited behind it. */
  #endUnheard(task: ModelTask, state: TaskState, now: Instant): void {
    end(task, state, now)
    if (!task.passed) this.#release(task.id)
  }
}

const UNTOUCHED = {
  state: 'ready' as TaskState,
  worker: undefined,
  claims: 0,
  crashes: 0,
  handBacks: 0,
  deferrals: 0,
  early: false,
  suspect: false,
  progress: undefined,
  result: undefined,
  error: undefined,
  finishedAt: undefined,
  cancelling: false,
  passed: false,
}

function knows(names: Versions | undefined, { name, version }: ModelTask): boolean {
  return (names?.get(name) ?? 0) >= version
}

function take(task: ModelTask, worker: Incarnation, early: boolean): ModelClaim {
  Object.assign(task, { state: 'running', worker, early })
  task.claims++
  const { id, claims, suspect } = task
  return { id, claims, early, suspect }
}

function end(task: ModelTask, state: TaskState, now: Instant): void {
  Object.assign(task, { state, finishedAt: now, worker: undefined, dueAt: undefined })
}

function byPriority(a: ModelTask, b: ModelTask): number {
  return b.priority - a.priority || a.addedAt - b.addedAt
}

function earlier(first: Instant | undefined, { dueAt }: ModelTask): Instant | undefined {
  return first === undefined || dueAt! < first ? dueAt : first
}
