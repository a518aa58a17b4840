import type { AbortReason, Isolation } from '../model/definition.ts'
import type { Logger } from '../model/logger.ts'
import type { ClaimedTask, NewTask, StoredValue } from '../model/task.ts'
import type { AddingRules } from '../ports/executor.ts'
import type { CrossingError } from './crossing-error.ts'
import type { Answer, Question } from './crossing-keeping.ts'

/*
 * What an isolate is told, and what it tells. Inputs and results are the stored text: a string is copied faster than
 * objects are cloned, and a task gets the same value here and there.
 */

/** Where a definition is to be found. */
export interface Address {
  readonly name: string
  readonly kind: Isolation['kind']
  readonly url: string
  readonly isGiven: boolean
}

/** One attempt to be made. */
export interface RunMessage {
  readonly kind: 'run'
  readonly address: Address
  readonly task: ClaimedTask
  readonly resultBytesMax: number
  readonly adding: AddingRules
  readonly storeFile: string | undefined
}

/** A definition to be found, and not called. */
export interface ProveMessage {
  readonly kind: 'prove'
  readonly address: Address
}

/** To an isolate. */
export type ToIsolate =
  | RunMessage
  | ProveMessage
  | Answer
  | { readonly kind: 'abort'; readonly reason: AbortReason['kind'] }

/** From an isolate. */
export type FromIsolate =
  /** `run` is about to be called. */
  | { readonly kind: 'begun' }
  | { readonly kind: 'log'; readonly level: keyof Logger; readonly fields: object; readonly message: string }
  | { readonly kind: 'progress'; readonly value: StoredValue }
  | Question
  /** `run` is over, and its sessions are ended before anything else is told of it. */
  | { readonly kind: 'closing' }
  | {
      readonly kind: 'returned'
      readonly result: StoredValue | undefined
      readonly unstorable: CrossingError | undefined
      readonly adds: readonly NewTask[]
    }
  | { readonly kind: 'threw'; readonly error: CrossingError }
  /** Nobody knows whether its session was committed. */
  | { readonly kind: 'unsettled'; readonly error: CrossingError }
  | { readonly kind: 'proved' }
  /** The definition was not found. */
  | { readonly kind: 'refused'; readonly error: CrossingError }

/** To a process: under a name, for a task may use the channel, too. */
export interface ToProcess {
  readonly afterword: ToIsolate
}

/** From a process. */
export interface FromProcess {
  readonly afterword:
    | FromIsolate
    /** Nobody caught this, and it ends the process. */
    | { readonly kind: 'crashed'; readonly error: CrossingError }
}
