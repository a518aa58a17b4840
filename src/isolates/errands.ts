import { AttemptContext, type ContextHost } from '../engine/attempt-context.ts'
import { encodeValue } from '../engine/codec.ts'
import { parseStoredInput } from '../engine/input-schema.ts'
import { AfterwordError } from '../model/errors.ts'
import type { Logger } from '../model/logger.ts'
import { sessionHandles } from '../sessions/session-handles.ts'
import { crossingError } from './crossing-error.ts'
import { crossingFields } from './crossing-fields.ts'
import { DistantKeeping } from './crossing-keeping.ts'
import { findDefinition, knownDefinition } from './find-definition.ts'
import type { Address, FromIsolate, RunMessage, ToIsolate } from './messages.ts'

/**
 * What runs in an isolate: imports modules for their definitions, and makes one attempt at a time. The context of an
 * attempt is the engine's own; what leaves it is told, and the signal aborts when a message says so.
 */
export class Errands {
  readonly #tell: (message: FromIsolate) => void
  readonly #logger: Logger
  #context: AttemptContext | undefined
  #keeping: DistantKeeping | undefined

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
    else if (message.kind === 'answer') this.#keeping?.heard(message)
    else this.#context?.abort(message.reason)
  }

  async #run(call: RunMessage): Promise<void> {
    const { task, resultBytesMax: bytesMax } = call
    const keeping = new DistantKeeping(task, bytesMax, this.#tell)
    this.#keeping = keeping
    const host: ContextHost = {
      logger: this.#logger,
      keeping,
      session: sessionHandles((session) =>
        Promise.reject(new AfterwordError('SESSION_UNKNOWN', { session, known: 'none', meant: undefined })),
      ),
      add: ({ name }) => {
        throw new AfterwordError('TASK_NOT_REGISTERED', { name })
      },
      progress: (value) => {
        const stored = encodeValue(value, { what: 'result', name: task.name, bytesMax })
        // What an attempt left behind must not speak for the next one.
        if (this.#context === mine) this.#tell({ kind: 'progress', value: stored })
      },
    }
    const mine = new AttemptContext(task, host)
    this.#context = mine
    const end = (await this.#missing(call.address)) ?? (await this.#attempt(call, mine))
    this.#context = undefined
    keeping.end()
    this.#tell(end)
  }

  async #attempt(call: RunMessage, mine: AttemptContext): Promise<FromIsolate> {
    try {
      const definition = knownDefinition(call.address)!
      mine.signal.throwIfAborted()
      this.#tell({ kind: 'begun' })
      return returned(await definition.run(parseStoredInput(definition, call.task), mine), call)
    } catch (error) {
      return { kind: 'threw', error: crossingError(error) }
    }
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

function returned(value: unknown, { task, resultBytesMax: bytesMax }: RunMessage): FromIsolate {
  try {
    const result = value === undefined ? undefined : encodeValue(value, { what: 'result', name: task.name, bytesMax })
    return { kind: 'returned', result, unstorable: undefined }
  } catch (error) {
    return { kind: 'returned', result: undefined, unstorable: crossingError(error) }
  }
}
