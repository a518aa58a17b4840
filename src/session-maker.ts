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

  constructor(parts: SessionMakerParts) {
    this.#parts = parts
    this.#outcomes = new OutcomeRows(parts.book)
  }

  forAttempt(task: ClaimedTask, { sessions }: Pick<AnyTaskDefinition, 'sessions'>): AttemptSessions {
    const { book, providers } = this.#parts
    return new SessionsOfAttempt({
      book,
      outcomes: this.#outcomes,
      providers: sessions === undefined ? providers : { ...providers, ...sessions },
      task,
      join: (session) => this.#join(session, task),
    })
  }

  #join(session: HeldSession, task: ClaimedTask): StoreFinish | undefined {
    const { store, book } = this.#parts
    const join = store.join?.(session.sql!)
    return join && new FinishInStore(join, { store, clock: book.clock, task, worker: this.#parts.worker() })
  }
}
