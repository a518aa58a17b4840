import type {
  Incarnation,
  Instant,
  NewTask,
  Retention,
  StoredValue,
  TaskId,
  TaskKind,
  TaskRecord,
  WorkerRecord,
  WorkerRegistration,
} from '../model/task.ts'
import type {
  CancelAnswer,
  Counts,
  ListAsk,
  Listed,
  Rescued,
  Store,
  StoreCapabilities,
  WriteBatch,
  Written,
} from '../ports/store.ts'
import type { AddOrder } from './add-order.ts'
import type { CrashPlan } from './crash-plan.ts'
import type { Ledger } from './ledger.ts'
import type { Turnstile } from './turnstile.ts'

/** What stands behind the stores of all processes of a lab. */
export interface StoreRoom {
  readonly store: Store
  readonly ledger: Ledger
  readonly turnstile: Turnstile
  readonly order: AddOrder
  /** The crash that has still to come. */
  plan: CrashPlan | undefined
}

type Claims = readonly { readonly id: TaskId; readonly claims: number }[]

/**
 * The store as one process sees it. It lets tasks be claimed when the turnstile says so, keeps the ledger, and dies with
 * its process: from then on nothing reaches the store, and no call settles.
 */
export class LabStore implements Store {
  readonly url: string
  readonly can: StoreCapabilities
  readonly #room: StoreRoom
  readonly #onCrash: () => void
  #dead = false
  #worker: { readonly incarnation: Incarnation; readonly registration: WorkerRegistration } | undefined

  /** @param onCrash  told when the planned crash has come; nothing reaches the store from then on. */
  constructor(room: StoreRoom, onCrash: () => void) {
    this.#room = room
    this.#onCrash = onCrash
    this.url = room.store.url
    this.can = room.store.can
  }

  /** The worker that has registered through this object, until it retires. */
  get worker(): { readonly incarnation: Incarnation; readonly registration: WorkerRegistration } | undefined {
    return this.#worker
  }

  /** Cuts the process off. */
  die(): void {
    this.#dead = true
  }

  /** The lab has opened the store behind it, and closes it. */
  open(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async register(registration: WorkerRegistration): Promise<Incarnation> {
    const incarnation = await this.#call((store) => store.register(registration))
    this.#worker = { incarnation, registration }
    return incarnation
  }

  beat(worker: Incarnation, now: Instant): Promise<boolean> {
    return this.#call((store) => store.beat(worker, now))
  }

  workers(): Promise<readonly WorkerRecord[]> {
    return this.#call((store) => store.workers())
  }

  async retire(worker: Incarnation): Promise<void> {
    await this.#call((store) => store.retire(worker))
    this.#worker = undefined
  }

  async write(batch: WriteBatch, now: Instant): Promise<Written> {
    return this.#call(async (store) => {
      const { ledger, turnstile } = this.#room
      const nameOf = (id: TaskId): string | undefined => ledger.get(id)?.name
      if (this.#room.plan?.comesBefore(batch, nameOf) === true) return this.#crash()
      const written = await store.write(this.#admitted(batch), now)
      turnstile.took(written.claimed?.tasks ?? [])
      await ledger.refresh(changedBy(batch, written), now)
      return this.#room.plan?.comesAfter(batch, written, nameOf) === true ? this.#crash() : written
    })
  }

  handBack(worker: Incarnation, tasks: Claims | 'all', now: Instant): Promise<readonly TaskId[]> {
    const { ledger } = this.#room
    const held = tasks === 'all' ? ledger.heldBy(worker) : tasks.map(({ id }) => id)
    return this.#change(held, now, (store) => store.handBack(worker, tasks, now))
  }

  rescue(dead: Incarnation, now: Instant): Promise<Rescued> {
    return this.#change(this.#room.ledger.heldBy(dead), now, (store) => store.rescue(dead, now))
  }

  cancel(id: TaskId, now: Instant): Promise<CancelAnswer> {
    return this.#change([id], now, (store) => store.cancel(id, now))
  }

  requeue(id: TaskId, now: Instant): Promise<boolean> {
    return this.#change([id], now, (store) => store.requeue(id, now))
  }

  find(id: TaskId): Promise<TaskRecord | undefined> {
    return this.#call((store) => store.find(id))
  }

  steps(id: TaskId): Promise<ReadonlyMap<string, StoredValue>> {
    return this.#call((store) => store.steps(id))
  }

  list(ask: ListAsk): Promise<Listed> {
    return this.#call((store) => store.list(ask))
  }

  ahead(id: TaskId): Promise<readonly TaskId[]> {
    return this.#call((store) => store.ahead(id))
  }

  counts(): Promise<Counts> {
    return this.#call((store) => store.counts())
  }

  pause(queue: string, paused: boolean): Promise<void> {
    return this.#call((store) => store.pause(queue, paused))
  }

  paused(): Promise<ReadonlySet<string>> {
    return this.#call((store) => store.paused())
  }

  prune(
    retention: Retention,
    now: Instant,
    limit: number,
  ): Promise<{ readonly removed: number; readonly done: boolean }> {
    return this.#call((store) => store.prune(retention, now, limit))
  }

  readyKinds(): Promise<readonly TaskKind[]> {
    return this.#call((store) => store.readyKinds())
  }

  #admitted(batch: WriteBatch): WriteBatch {
    const { turnstile } = this.#room
    const claim = batch.claim && turnstile.admit(batch.claim)
    return { ...batch, claim, adds: batch.adds.map((task) => this.#admittedTask(task)) }
  }

  /**
   * A claim at insert would start the task by itself, and a process that is to die before a run must have acknowledged
   * the add first.
   */
  #admittedTask(task: NewTask): NewTask {
    const { turnstile, order, plan } = this.#room
    const isDoomed = plan?.point === 'before-run' && plan.isAbout(task.name)
    const claimFor = turnstile.auto && !isDoomed ? task.claimFor : undefined
    return { ...task, addedAt: order.addedAt(task), claimFor }
  }

  #change<T>(ids: readonly TaskId[], now: Instant, verb: (store: Store) => Promise<T>): Promise<T> {
    return this.#call(async (store) => {
      const answer = await verb(store)
      await this.#room.ledger.refresh(ids, now)
      return answer
    })
  }

  async #call<T>(verb: (store: Store) => Promise<T>): Promise<T> {
    if (this.#dead) return never()
    try {
      const answer = await verb(this.#room.store)
      return this.#dead ? await never() : answer
    } catch (error) {
      if (this.#dead) return never()
      throw error
    }
  }

  #crash(): Promise<never> {
    this.#dead = true
    this.#onCrash()
    return never()
  }
}

/** What a process hears after its death. */
function never(): Promise<never> {
  return new Promise(() => {})
}

function changedBy(batch: WriteBatch, { added, released, claimed }: Written): TaskId[] {
  const stored = batch.adds.filter((_, index) => added[index]!.kind !== 'taken')
  return [...stored, ...batch.outcomes, ...batch.progress, ...released, ...(claimed?.tasks ?? [])].map(({ id }) => id)
}
