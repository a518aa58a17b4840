import type { ClaimedTask, Instant, TaskRecord } from '../model/task.ts'
import type { LabProcess, LabWorld } from './lab-process.ts'
import { isHeldBy } from './ledger.ts'

/** Makes the tasks of a lab run, and knows when they have. It stops when its process dies or stops. */
export class Driver {
  readonly #world: LabWorld

  constructor(world: LabWorld) {
    this.#world = world
  }

  /** Runs what is due until that instant, each task at its time. Waits in real time for attempts that are under way. */
  async run(process: LabProcess, endMs: Instant): Promise<void> {
    const { clock, turnstile } = this.#world
    turnstile.open()
    try {
      await this.idle(process)
      for (let next = clock.nextMs; next !== undefined && next <= endMs && !process.dead; next = clock.nextMs) {
        await clock.advanceTo(next)
        await this.idle(process)
      }
      if (!process.dead) await clock.advanceTo(endMs)
    } finally {
      turnstile.close()
    }
  }

  /** Runs one attempt of the task whose turn it is. Undefined: none can begin. */
  async runOne(process: LabProcess): Promise<ClaimedTask | undefined> {
    const claimed = await this.#claimOne(process)
    if (claimed === undefined) return undefined
    const { clock, ledger } = this.#world
    const isUnderWay = (record = ledger.get(claimed.id)): boolean =>
      record !== undefined && isHeldBy(record, process.incarnation) && record.claims === claimed.claims
    while (isUnderWay()) await ledger.changed
    await clock.settle()
    return claimed
  }

  /** Resolves when nothing runs and nothing that is due can begin. */
  async idle(process: LabProcess): Promise<void> {
    const { clock, ledger } = this.#world
    for (;;) {
      await clock.settle()
      if (ledger.heldBy(process.incarnation).length > 0) {
        await ledger.changed
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
}
