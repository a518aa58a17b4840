import type { ClaimedTask, Instant, TaskRecord } from '../model/task.ts'
import type { LabProcess, LabWorld } from './lab-process.ts'
import { isHeldBy } from './ledger.ts'

/** Makes the tasks of a lab run, and knows when they have. It stops when its process dies or stops. */
export class Driver {
  readonly #world: LabWorld
  /** Work that is going on and does not wait for attempts. */
  #acting = 0

  constructor(world: LabWorld) {
    this.#world = world
  }

  /** Runs what is due until that instant, each task at its time. Waits in real time for attempts that are under way. */
  async run(process: LabProcess, endMs: Instant): Promise<void> {
    const { clock, turnstile } = this.#world
    this.#acting++
    turnstile.open()
    try {
      await clock.advanceTo(endMs, async () => {
        await this.idle(process)
        return !process.dead
      })
    } finally {
      turnstile.close()
      this.#acting--
    }
  }

  /** Runs one attempt of the task whose turn it is. Undefined: none can begin. */
  async runOne(process: LabProcess): Promise<ClaimedTask | undefined> {
    const { clock, ledger } = this.#world
    this.#acting++
    try {
      const claimed = await this.#claimOne(process)
      if (claimed === undefined) return undefined
      const isUnderWay = (record = ledger.get(claimed.id)): boolean =>
        record !== undefined && isHeldBy(record, process.incarnation) && record.claims === claimed.claims
      while (isUnderWay()) await this.#change()
      await clock.settle()
      return claimed
    } finally {
      this.#acting--
    }
  }

  /** Resolves when nothing runs and nothing that is due can begin. */
  async idle(process: LabProcess): Promise<void> {
    const { clock, ledger } = this.#world
    for (;;) {
      await clock.settle()
      if (ledger.heldBy(process.incarnation).length > 0) {
        await this.#change()
        continue
      }
      const { version } = ledger
      if ((await this.#next(process)) === undefined) return
      process.ring()
      await clock.settle()
      // What cannot begin now will not begin by looking again.
      if (ledger.version === version) return
    }
  }

  /** Resolves when all that could begin has: the time that passes from here on passes for it. */
  async steady(): Promise<void> {
    while (this.#acting > 0) await this.#world.clock.settle()
  }

  async #claimOne(process: LabProcess): Promise<ClaimedTask | undefined> {
    const { clock, turnstile } = this.#world
    await clock.settle()
    const next = await this.#next(process)
    if (next === undefined) return undefined
    turnstile.openForOne(next.queue)
    process.ring()
    await clock.settle()
    return turnstile.close()
  }

  async #next({ registration }: LabProcess): Promise<TaskRecord | undefined> {
    const { clock, ledger, store } = this.#world
    return registration && ledger.next(registration, await store.paused(), clock.now())
  }

  async #change(): Promise<void> {
    this.#acting--
    await this.#world.ledger.changed
    this.#acting++
  }
}
