import { AfterwordError } from '../model/errors.ts'
import type { ClaimedTask, StoredValue } from '../model/task.ts'
import type { Keeping } from '../ports/keeping.ts'
import { arrivedError, type CrossingError, crossingError } from './crossing-error.ts'

/** What an attempt in an isolate asks of the process. */
export type Question =
  | { readonly kind: 'kept'; readonly number: number }
  | { readonly kind: 'keep'; readonly number: number; readonly name: string; readonly value: StoredValue }

/** The answer to the question of that number. `kept` is for the first kind. */
export interface Answer {
  readonly kind: 'answer'
  readonly number: number
  readonly kept: ReadonlyMap<string, StoredValue> | undefined
  readonly error: CrossingError | undefined
}

/** Answers for the attempt whose isolate has asked. Never rejects. */
export async function answered(question: Question, keeping: Keeping): Promise<Answer> {
  const { kind, number } = question
  try {
    if (kind === 'kept') return { kind: 'answer', number, kept: await keeping.kept(), error: undefined }
    await keeping.keep(question.name, question.value)
    return { kind: 'answer', number, kept: undefined, error: undefined }
  } catch (error) {
    return { kind: 'answer', number, kept: undefined, error: crossingError(error) }
  }
}

/** Questions of this isolate so far: an answer that comes after the end of its attempt is nobody's. */
let asked = 0

/** What an attempt in an isolate keeps, seen from there. */
export class DistantKeeping implements Keeping {
  readonly bytesMax: number
  readonly #task: ClaimedTask
  readonly #ask: (question: Question) => void
  readonly #holding: () => string | undefined
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>()
  #isOver = false

  /** @param holding  the session of the attempt that holds the lock of the store's file, by name. */
  constructor(
    task: ClaimedTask,
    bytesMax: number,
    ask: (question: Question) => void,
    holding: () => string | undefined,
  ) {
    this.#task = task
    this.bytesMax = bytesMax
    this.#ask = ask
    this.#holding = holding
  }

  async kept(): Promise<ReadonlyMap<string, StoredValue>> {
    // The first claim of a task has no past.
    if (this.#task.claims === 1) return new Map<string, StoredValue>()
    const { kept } = await this.#answer({ kind: 'kept', number: ++asked })
    return kept!
  }

  check(once: string): void {
    if (this.#isOver) throw this.#lost(once)
    const session = this.#holding()
    if (session !== undefined) throw new AfterwordError('ONCE_IN_TRANSACTION', { name: this.#task.name, once, session })
  }

  async keep(name: string, value: StoredValue): Promise<void> {
    await this.#answer({ kind: 'keep', number: ++asked, name, value })
  }

  /** The process has answered. */
  heard(answer: Answer): void {
    this.#waiting.get(answer.number)?.resolve(answer)
  }

  /** The attempt is over: what it left waiting gets no answer any more. */
  end(): void {
    this.#isOver = true
    this.#waiting.clear()
  }

  async #answer(question: Question): Promise<Answer> {
    const waiting = Promise.withResolvers<Answer>()
    this.#waiting.set(question.number, waiting)
    this.#ask(question)
    const answer = await waiting.promise
    this.#waiting.delete(question.number)
    if (answer.error !== undefined) throw arrivedError(answer.error)
    return answer
  }

  #lost(once: string): AfterwordError {
    const { id, name } = this.#task
    return new AfterwordError('ONCE_CLAIM_LOST', { name, id, once })
  }
}
