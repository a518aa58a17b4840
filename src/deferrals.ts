import { AsyncLocalStorage } from 'node:async_hooks'

/** Who has deferred a function. */
export interface DeferringRequest {
  readonly requestId: string | undefined
  /** What it is called in messages: `request POST /signup`. */
  readonly name: string
}

const storage = new AsyncLocalStorage<DeferringRequest>()

/** The request whose deferred function runs right now. */
export function deferringRequest(): DeferringRequest | undefined {
  return storage.getStore()
}

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
  run(callback: () => unknown, request: DeferringRequest): void {
    this.#running++
    void storage
      .run(request, () => Promise.resolve().then(callback))
      .catch((error: unknown) => this.#onError(error, request.requestId))
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
