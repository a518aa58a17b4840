/** What the gate asks of the tasks of one response; `BackgroundTasks` is the implementation. */
export interface ResponseTasks {
  /** True while something was added that the head of the answer has to wait for. Read on every head call: keep it a field. */
  readonly pending: boolean
  /**
   * The final status is known and its head is about to leave: keeps or drops what was added, by that status.
   * Undefined: nothing to wait for, the head may go. A rejection means that nothing was kept; it is a coded error.
   * Repeated calls while the first is under way give the same promise; afterwards an `add` is stored at once.
   */
  settle(status: number): Promise<void> | undefined
  /**
   * The response has finished or its connection is gone: what was kept may start.
   * When no head ever left, what is buffered is settled by the status that the handler leaves later,
   * or as a success when the handler never answers.
   */
  close(): void
}
