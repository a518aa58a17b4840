/** Functions given to `defer`: they run once, in this process, and are waited for when the background stops. */
export class Deferrals {
  readonly #onError: (error: unknown, requestId: string | undefined) => void
  #running = 0
  #quiet: (() => void)[] = []

  constructor(onError: (error: unknown, requestId: string | undefined) => void) {
    this.#onError = onError
  }

  /** Functions that have not ended. */
  get running(): number {
    return this.#running
  }

  /** Calls it on a later microtask. What it throws is reported, never thrown. */
  run(callback: () => unknown, requestId: string | undefined): void {
    this.#running++
    void Promise.resolve()
      .then(callback)
      .catch((error: unknown) => this.#onError(error, requestId))
      .finally(() => {
        this.#running--
        if (this.#running === 0) for (const resolve of this.#quiet.splice(0)) resolve()
      })
  }

  /** Resolves when none is running. */
  async quiet(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#quiet.push(resolve))
  }
}
