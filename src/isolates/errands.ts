import { runningDefinition, taskContext } from '../engine/task-context.ts'
import type { AnyTaskDefinition } from '../model/definition.ts'
import type { Logger } from '../model/logger.ts'
import { systemClock } from '../ports/system.ts'
import { SessionsOfAttempt } from '../sessions/attempt-sessions.ts'
import { OutcomeRows } from '../sessions/outcome-rows.ts'
import { SessionBook } from '../sessions/session-book.ts'
import { AttemptThere } from './attempt-there.ts'
import { crossingError } from './crossing-error.ts'
import { crossingFields } from './crossing-fields.ts'
import { findDefinition, knownDefinition } from './find-definition.ts'
import type { Address, FromIsolate, RunMessage, ToIsolate } from './messages.ts'

/**
 * What runs in an isolate: imports modules for their definitions, and makes one attempt at a time. The context of an
 * attempt is the engine's own; what leaves it is told, and the signal aborts when a message says so.
 */
export class Errands {
  readonly #tell: (message: FromIsolate) => void
  readonly #logger: Logger
  readonly #book = new SessionBook({ clock: systemClock, here })
  readonly #outcomes = new OutcomeRows(this.#book)
  #attempt: AttemptThere | undefined

  constructor(tell: (message: FromIsolate) => void) {
    this.#tell = tell
    // Lines come bound to their attempt, so that one that is late says whose it is.
    const logAt =
      (level: keyof Logger) =>
      (fields: object, message: string): void =>
        tell({ kind: 'log', level, fields: crossingFields(fields), message })
    this.#logger = { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') }
  }

  /** Does what it was told. */
  heard(message: ToIsolate): void {
    if (message.kind === 'run') void this.#run(message)
    else if (message.kind === 'prove') void this.#prove(message.address)
    else if (message.kind === 'answer') this.#attempt?.keeping.heard(message)
    else this.#attempt?.abort(message.reason)
  }

  async #run(call: RunMessage): Promise<void> {
    const { address } = call
    const attempt: AttemptThere = new AttemptThere(call, {
      logger: this.#logger,
      tell: this.#tell,
      sessions: () => this.#sessionsOf(attempt, call, knownDefinition(address)!),
    })
    this.#attempt = attempt
    const end = (await this.#missing(address)) ?? (await inContext(attempt, knownDefinition(address)!))
    this.#attempt = undefined
    this.#tell(end)
  }

  /**
   * Those of the definition: no background is here. Their database is taken for another one than the store's, also where it is the
   * same, for the store is not open here: a row of outcome goes with the effects.
   */
  #sessionsOf(attempt: AttemptThere, { task }: RunMessage, { sessions = {} }: AnyTaskDefinition): SessionsOfAttempt {
    return new SessionsOfAttempt({
      book: this.#book,
      outcomes: this.#outcomes,
      providers: sessions,
      task,
      join(session) {
        attempt.opened(session)
        return undefined
      },
    })
  }

  async #prove(address: Address): Promise<void> {
    this.#tell((await this.#missing(address)) ?? { kind: 'proved' })
  }

  /** Why a definition cannot be found here; undefined when it was. */
  async #missing(address: Address): Promise<FromIsolate | undefined> {
    if (knownDefinition(address) !== undefined) return undefined
    try {
      await findDefinition(address)
      return undefined
    } catch (error) {
      return { kind: 'refused', error: crossingError(error) }
    }
  }
}

/** What it leaves running can be named, whoever runs after it. */
function inContext(attempt: AttemptThere, definition: AnyTaskDefinition): Promise<FromIsolate> {
  return taskContext(definition).runInAsyncScope(() => attempt.run(definition))
}

function here(): string {
  const definition = runningDefinition()
  return definition === undefined ? 'code outside of any task' : `task "${definition.name}"`
}
