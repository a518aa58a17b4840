import type { Duration } from './model/duration.ts'
import type { StopAccount } from './model/events.ts'
import type { Clock } from './ports/clock.ts'

/** What {@link Background.handleSignals} takes. */
export interface SignalOptions {
  /** The signals to handle. By default SIGTERM, SIGINT and SIGHUP. */
  readonly signals?: readonly NodeJS.Signals[]
  /** Closes the HTTP server (`() => app.close()`), before the background stops. */
  readonly close?: () => unknown
  /** How long requests and attempts may end by themselves; the background's `grace` is the default. */
  readonly grace?: Duration
  /** Ends the process. By default `process.exit`. */
  readonly exit?: (code: number) => void
}

/** Wrappers such as nodemon and `node --watch` send the same signal several times within milliseconds. */
const SAME_SIGNAL_MS = 1_000

interface Stoppable {
  drain(): void
  stop(options: { grace?: Duration }): Promise<StopAccount>
}

/** Installs the handlers; the returned function removes them. */
export function handleSignals(background: Stoppable, clock: Clock, options: SignalOptions): () => void {
  const { signals = ['SIGTERM', 'SIGINT', 'SIGHUP'], grace, exit = (code) => process.exit(code) } = options
  let firstMs: number | undefined
  const stop = async (): Promise<void> => {
    background.drain()
    // The server closes while the background drains: requests in flight must still pass their gate.
    const closed = Promise.resolve().then(() => options.close?.())
    const [account, close] = await Promise.allSettled([closed.then(() => background.stop(grace === undefined ? {} : { grace })), closed])
    const failed = account.status === 'rejected' || close.status === 'rejected'
    exit(failed || account.value.abandoned.length > 0 ? 1 : 0)
  }
  const onSignal = (): void => {
    const nowMs = clock.monotonicMs()
    if (firstMs === undefined) {
      firstMs = nowMs
      void stop()
    } else if (nowMs - firstMs > SAME_SIGNAL_MS) void background.stop({ grace: 0 })
  }
  for (const signal of signals) process.on(signal, onSignal)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
  }
}
