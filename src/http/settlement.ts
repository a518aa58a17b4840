import type { ResponseTasks } from './response-tasks.ts'

/**
 * The task lists of one response as its gate sees them: one, or several when more than one background looks after the
 * same response. A list that joins late learns at once what happened before it came.
 */
export class Settlement {
  readonly #lists: ResponseTasks[] = []
  #status: number | undefined
  #closed = false

  /** Takes a list under the same gate; twice is the same as once. */
  add(list: ResponseTasks): void {
    if (this.#lists.includes(list)) return
    this.#lists.push(list)
    // Its own answer reports a failure; the head that could have waited for it has left.
    if (this.#status !== undefined) settleOne(list, this.#status)?.catch(() => undefined)
    if (this.#closed) list.close()
  }

  /**
   * The final status is known and the head is about to leave. Only the first call counts.
   *
   * @returns a promise when the head has to wait; it rejects with the error of the list that kept nothing.
   * @throws never.
   */
  settle(status: number): Promise<void> | undefined {
    if (this.#status !== undefined) return undefined
    this.#status = status
    const [only, another] = this.#lists
    if (only !== undefined && another === undefined) return settleOne(only, status)
    const waits: Promise<void>[] = []
    for (const list of this.#lists) {
      const wait = settleOne(list, status)
      if (wait !== undefined) waits.push(wait)
    }
    return waits.length < 2 ? waits[0] : allOf(waits)
  }

  /** The response has finished or its connection is gone. Only the first call counts. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const list of this.#lists) list.close()
  }
}

/** The gate must never throw into `res.end()`: whoever called it does not expect that and the process would end. */
function settleOne(list: ResponseTasks, status: number): Promise<void> | undefined {
  try {
    return list.settle(status)
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)))
  }
}

/** Waits for all, also when one fails: the answer may only leave when nothing of it is under way any more. */
async function allOf(waits: Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(waits)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason as Error
}
