import { nobodyWaits, type ResponseTasks, type Settled } from './response-tasks.ts'

/**
 * The task lists of one response as its gate sees them: one, or several when more than one background looks after the
 * same response. A list that joins late learns at once what happened before it came.
 */
export class Settlement {
  /** Most responses have one; a second makes an array of it. */
  #only: ResponseTasks | undefined
  #lists: ResponseTasks[] | undefined
  #status: number | undefined
  #closed = false

  /** Takes a list under the same gate; twice is the same as once. */
  add(list: ResponseTasks): void {
    if (this.#all().includes(list)) return
    if (this.#lists !== undefined) this.#lists.push(list)
    else if (this.#only === undefined) this.#only = list
    else this.#lists = [this.#only, list]
    // Its own answer reports a failure; the head that could have waited for it has left.
    if (this.#status !== undefined) settleOne(list, this.#status, nobodyWaits)
    if (this.#closed) list.close()
  }

  /** True when the head has nothing to wait for, because its adapter has settled everything. */
  get isOver(): boolean {
    return this.#lists === undefined ? this.#only?.isSettled === true : this.#lists.every((list) => list.isSettled)
  }

  /**
   * The final status is known and the head is about to leave. Only the first call counts.
   *
   * @param settled  called later, when the head has to wait; with the error of a list that kept nothing.
   * @returns whether the head has to wait.
   * @throws never.
   */
  settle(status: number, settled: Settled): boolean {
    if (this.#status !== undefined) return false
    this.#status = status
    if (this.#lists !== undefined) return settleAll(this.#lists, status, settled)
    return this.#only !== undefined && settleOne(this.#only, status, settled)
  }

  /** The response has finished or its connection is gone. Only the first call counts. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const list of this.#all()) list.close()
  }

  #all(): readonly ResponseTasks[] {
    return this.#lists ?? (this.#only === undefined ? [] : [this.#only])
  }
}

/** The gate must never throw into `res.end()`: whoever called it does not expect that and the process would end. */
function settleOne(list: ResponseTasks, status: number, settled: Settled): boolean {
  try {
    return list.settle(status, settled)
  } catch (error) {
    queueMicrotask(() => settled(error instanceof Error ? error : new Error(String(error))))
    return true
  }
}

/** Waits for all, also when one fails: the answer may only leave when nothing of it is under way any more. */
function settleAll(lists: readonly ResponseTasks[], status: number, settled: Settled): boolean {
  let open = 0
  let failure: Error | undefined
  const one: Settled = (error) => {
    failure ??= error
    if (--open === 0) settled(failure)
  }
  for (const list of lists) if (settleOne(list, status, one)) open++
  return open > 0
}
