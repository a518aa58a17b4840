import type { AnyTaskDefinition } from './model/definition.ts'
import type { SessionProviders } from './model/session.ts'
import type { ClaimedTask, Incarnation } from './model/task.ts'
import type { AttemptSessions, SessionMaker } from './ports/sessions.ts'
import type { Store } from './ports/store.ts'
import { SessionsOfAttempt, type StoreFinish } from './sessions/attempt-sessions.ts'
import { FinishInStore } from './sessions/finish-in-store.ts'
import type { HeldSession } from './sessions/held-session.ts'
import { OutcomeRows } from './sessions/outcome-rows.ts'
import type { SessionBook } from './sessions/session-book.ts'

/** What the sessions of attempts are made with. */
export interface SessionMakerParts {
  readonly book: SessionBook
  readonly providers: SessionProviders
  readonly store: Store
  worker(): Incarnation | undefined
}

/** Makes the sessions of attempts: those of the background, and those of the definition. */
export class AttemptSessionMaker implements SessionMaker {
  readonly #parts: SessionMakerParts
  readonly #outcomes: OutcomeRows
  /** The providers of a definition beside those of the background, by the option that it was given. */
  readonly #together = new WeakMap<SessionProviders, SessionProviders>()

  constructor(parts: SessionMakerParts) {
    this.#parts = parts
    this.#outcomes = new OutcomeRows(parts.book)
  }

  forAttempt(task: ClaimedTask, { sessions }: Pick<AnyTaskDefinition, 'sessions'>): AttemptSessions {
    const providers = sessions === undefined ? this.#parts.providers : this.#with(sessions)
    for (const name of Object.keys(providers)) {
      if (this.#outcomes.isPrepared(providers[name]!)) this.#sweep(name, providers)
    }
    return new SessionsOfAttempt({
      book: this.#parts.book,
      outcomes: this.#outcomes,
      providers,
      task,
      join: (session) => this.#join(session, task),
    })
  }

  usedInIsolate({ sessions = {} }: Pick<AnyTaskDefinition, 'sessions'>): void {
    for (const [name, { transaction, outcomes }] of Object.entries(sessions)) {
      // Which of them was used, and whether it can have rows, is known over there alone: where there is no table nothing is swept.
      if (transaction && outcomes !== false) this.#sweep(name, sessions)
    }
  }

  #with(sessions: SessionProviders): SessionProviders {
    const known = this.#together.get(sessions)
    if (known !== undefined) return known
    const together = { ...this.#parts.providers, ...sessions }
    this.#together.set(sessions, together)
    return together
  }

  /** Old rows of outcome go now and then, where they are written. */
  #sweep(name: string, providers: SessionProviders): void {
    if (!this.#outcomes.isSweepDue(providers[name]!)) return
    void this.#outcomes.sweep(name, providers, async ({ id, addedAt }) => {
      const row = await this.#parts.store.find(id)
      // Any other end may be taken back by `requeue`, and then the row has to be found.
      return row === undefined || row.addedAt !== addedAt || row.state === 'succeeded'
    })
  }

  #join(session: HeldSession, task: ClaimedTask): StoreFinish | undefined {
    const { store, book } = this.#parts
    const join = store.join?.(session.sql!)
    return join && new FinishInStore(join, { store, clock: book.clock, task, worker: this.#parts.worker() })
  }
}
