import { within } from './engine/within.ts'
import type { ClosableServer } from './http/unused-connections.ts'
import { type Duration, durationMs } from './model/duration.ts'
import { AfterwordError } from './model/errors.ts'
import type { StopAccount } from './model/events.ts'
import { processRole } from './model/process-role.ts'
import type { Clock } from './ports/clock.ts'

/** What {@link Background.handleSignals} takes. */
export interface SignalOptions {
  /** The signals to handle. By default SIGTERM, SIGINT and SIGHUP. */
  readonly signals?: readonly NodeJS.Signals[]
  /**
   * The HTTP server, closed before the background stops: it accepts nothing more, requests in flight are answered, and idle
   * and unused connections are closed. Not together with `close`.
   */
  readonly server?: ClosableServer
  /**
   * Closes the HTTP server where a framework does it (`() => app.close()`), before the background stops. It is waited for within the grace only:
   * an idle keep-alive connection may hold it up for longer than any killer waits.
   */
  readonly close?: () => unknown
  /** How long all of it may take by itself: closing, requests, attempts; the background's `grace` is the default. */
  readonly grace?: Duration
  /** Ends the process. By default `process.exit`. */
  readonly exit?: (code: number) => void
}

/** Wrappers such as nodemon and `node --watch` send the same signal several times within milliseconds. */
const SAME_SIGNAL_MS = 1_000

interface Stoppable {
  attachServer(server: ClosableServer): void
  drain(): void
  stop(options: { grace?: Duration }): Promise<StopAccount>
}

/**
 * Installs the handlers; the returned function removes them. A process with a role has its handlers already.
 *
 * @throws DURATION_INVALID, OPTIONS_CONFLICT.
 */
export function handleSignals(
  background: Stoppable,
  clock: Clock,
  options: SignalOptions,
  defaultGraceMs: number,
): () => void {
  const { signals = ['SIGTERM', 'SIGINT', 'SIGHUP'], grace, exit = exitProcess } = options
  const close = closing(background, options)
  const graceMs = grace === undefined ? defaultGraceMs : durationMs(grace, 'handleSignals: grace')
  const role = processRole()
  if (role !== undefined) return role.closes(close)
  const hurry = Promise.withResolvers<void>()
  let firstMs: number | undefined
  const stop = async (): Promise<void> => {
    const begunMs = clock.monotonicMs()
    background.drain()
    // The server closes while the background drains: requests in flight must still pass their gate.
    let failed = false
    const closed = Promise.resolve()
      .then(close)
      .catch(() => (failed = true))
    await within(clock, graceMs, Promise.race([closed, hurry.promise]))
    const leftMs = Math.max(0, graceMs - (clock.monotonicMs() - begunMs))
    const account = await background.stop({ grace: leftMs }).catch(() => undefined)
    exit(failed || account === undefined || account.abandoned.length > 0 ? 1 : 0)
  }
  const onSignal = (): void => {
    const nowMs = clock.monotonicMs()
    if (firstMs === undefined) {
      firstMs = nowMs
      void stop()
    } else if (nowMs - firstMs > SAME_SIGNAL_MS) {
      hurry.resolve()
      background.stop({ grace: 0 }).catch(() => undefined)
    }
  }
  for (const signal of signals) process.on(signal, onSignal)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/** How the HTTP server is closed; it is in the background's care from here on. */
function closing(background: Stoppable, { server, close }: SignalOptions): () => unknown {
  if (server === undefined) return () => close?.()
  if (close !== undefined) {
    const rule = 'server and close exclude each other'
    throw new AfterwordError('OPTIONS_CONFLICT', { where: 'handleSignals', rule, got: 'both' })
  }
  background.attachServer(server)
  // An error only says that it does not listen.
  return () => new Promise<void>((resolve) => server.close(() => resolve()))
}

/** What the caller opted into: after a stop nothing of ours keeps the process, but something of theirs may. */
function exitProcess(code: number): void {
  // oxlint-disable-next-line unicorn/no-process-exit
  process.exit(code)
}
