import type { Desk } from './desk.ts'
import type { Worker } from './engine/worker.ts'
import type { AddOptions } from './model/add-options.ts'
import type { AnyTaskDefinition } from './model/definition.ts'
import { AfterwordError } from './model/errors.ts'
import { received } from './model/received.ts'
import type { SessionProviders, SessionSql } from './model/session.ts'
import type { TaskId } from './model/task.ts'
import type { Clock } from './ports/clock.ts'
import type { Added, Store, StoreJoin } from './ports/store.ts'
import type { SessionBook } from './sessions/session-book.ts'
import { type Draft, heldDraft, refusal } from './task-draft.ts'
import type { TransactionHolder } from './transaction-tasks.ts'

/** So long a transaction of which nobody knows whether it is open is watched, in milliseconds; later its tasks are found by the poll. */
const WATCH_MS_MAX = 600_000
/** The pauses between two looks: none at first, then from one millisecond to this many. */
const LOOKS_AT_ONCE = 3
const PAUSE_MS_MAX = 100

/** What adding into transactions needs. */
export interface TransactionDeskParts {
  readonly store: Store
  readonly clock: Clock
  readonly book: SessionBook
  readonly providers: readonly SessionProviders[]
  readonly worker: Worker
  readonly desk: Pick<Desk, 'draft' | 'claim' | 'release' | 'released' | 'added'>
  /** Undefined when the store is open, else a promise of it. */
  ready(): Promise<unknown> | undefined
}

/** A way into a transaction of the application, and the library that it is of. */
interface Way {
  readonly sql: SessionSql
  readonly library: string
}

/** Writes tasks into transactions that others have begun and will end, and starts them once they are committed. */
export class TransactionDesk {
  readonly #parts: TransactionDeskParts

  constructor(parts: TransactionDeskParts) {
    this.#parts = parts
  }

  /** Writes one task; resolves once that is done. What becomes of it is watched. */
  async add(
    transaction: unknown,
    definition: AnyTaskDefinition,
    input: unknown,
    options: AddOptions | undefined,
    holder: TransactionHolder | undefined,
  ): Promise<TaskId> {
    const { desk, worker, clock } = this.#parts
    const draft = desk.draft(definition, input, options, holder?.requestId)
    try {
      await this.#parts.ready()
      const join = this.#join(transaction, draft.name, holder === undefined ? 'background.in' : 'tasks.in')
      // Nobody else may start it before the answer is out.
      if (holder !== undefined && draft.dueAt === undefined) desk.claim(draft, true)
      const { durability } = draft
      const batch = {
        worker: worker.incarnation,
        adds: [draft],
        outcomes: [],
        progress: [],
        durability,
        claim: undefined,
      }
      const { added } = await join.write(batch, clock.now())
      const answer = added[0]!
      const refused = refusal(draft, answer)
      if (refused !== undefined) throw refused
      void this.#watch(join, draft, answer, holder)
      return draft.id
    } catch (error) {
      desk.release(draft, undefined)
      throw error
    } finally {
      desk.released(1)
    }
  }

  #join(transaction: unknown, name: string, where: string): StoreJoin {
    const { store } = this.#parts
    const { sql, library } = this.#way(transaction, where)
    const join = store.join?.(sql)
    if (join === undefined) throw new AfterwordError('SESSION_OTHER_DATABASE', { name, store: store.url, library })
    if (join.isOpen === false) throw new AfterwordError('SESSION_NO_TRANSACTION', { where })
    return join
  }

  #way(transaction: unknown, where: string): Way {
    const { book, providers } = this.#parts
    const held = book.heldBy(transaction)
    if (held?.sql !== undefined) return { sql: held.sql, library: held.provider.library }
    for (const provider of providers.flatMap((given) => Object.values(given))) {
      const sql = provider.sqlOf?.(transaction)
      if (sql !== undefined) return { sql, library: provider.library }
    }
    throw new AfterwordError('SESSION_NOT_RECOGNIZED', { where, got: received(transaction) })
  }

  /** Waits for the end of the transaction: wakes whoever is free, or hands the task to whom it waits for. */
  async #watch(join: StoreJoin, draft: Draft, added: Added, holder: TransactionHolder | undefined): Promise<void> {
    const { desk, worker } = this.#parts
    const isCommitted = added.kind === 'added' && (await this.#isCommitted(join, draft.id))
    join.ended()
    if (!isCommitted) return desk.release(draft, undefined)
    await join.committed()?.catch(() => undefined)
    desk.added(draft, added)
    if (draft.claimFor !== undefined && holder !== undefined) holder.keep(heldDraft(draft), added)
    else worker.wake()
  }

  async #isCommitted(join: StoreJoin, id: TaskId): Promise<boolean> {
    const { store, clock } = this.#parts
    const begunMs = clock.monotonicMs()
    for (let looks = 0; ; looks++) {
      // Looked at first: what is committed between the two is found.
      const { isOpen } = join
      try {
        if ((await store.find(id)) !== undefined) return true
      } catch {
        // The store is closed, or away: whoever opens it next finds the task.
        return false
      }
      const isUnknown = isOpen === undefined && clock.monotonicMs() - begunMs > WATCH_MS_MAX
      if (isOpen === false || isUnknown) return false
      await new Promise<void>((resolve) => {
        if (looks < LOOKS_AT_ONCE) clock.soon(resolve)
        else clock.after(Math.min(2 ** (looks - LOOKS_AT_ONCE), PAUSE_MS_MAX), resolve)
      })
    }
  }
}
