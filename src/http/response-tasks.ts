/** Told that the head may leave; with an error, a coded one, when nothing was kept. */
export type Settled = (error: Error | undefined) => void

/** For those who know by other means how it ends, or have nobody to tell. */
export const nobodyWaits: Settled = () => undefined

/** What the gate asks of the tasks of one response; `BackgroundTasks` is the implementation. */
export interface ResponseTasks {
  /** True while something was added that the head of the answer has to wait for. Read on every head call: keep it a field. */
  readonly pending: boolean
  /** True once `settle` has kept all that it had to: the head has nothing to wait for any more. */
  readonly isSettled: boolean
  /**
   * The final status is known and its head is about to leave: keeps or drops what was added, by that status.
   *
   * @param settled  called once and later, if the head has to wait. Calls while the first one is under way wait for the
   *   same; afterwards an `add` is stored at once.
   * @returns whether the head has to wait. False: it may go, and `settled` is not called.
   */
  settle(status: number, settled: Settled): boolean
  /**
   * The response has finished or its connection is gone: what was kept may start.
   * When no head ever left, what is buffered is settled by the status that the handler leaves later,
   * or as a success when the handler never answers.
   */
  close(): void
}
