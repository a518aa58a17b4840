import { decodeValue } from './engine/codec.ts'
import type { ResultWaiters } from './engine/result-waiters.ts'
import type { Duration } from './model/duration.ts'
import { AfterwordError } from './model/errors.ts'
import { isFinal } from './model/task-state.ts'
import type { StoredError, TaskId, TaskRecord } from './model/task.ts'
import type { Clock } from './ports/clock.ts'
import type { Store } from './ports/store.ts'

/** What {@link Background.result} takes beside the task. */
export interface ResultOptions {
  /** How long to wait at most; by default as long as it takes. */
  readonly timeout?: Duration | undefined
}

/** How often a task that runs in another process is looked at: soon at first, then less and less. */
const LOOK_MS_MIN = 20
const LOOK_MS_MAX = 1_000

/**
 * Waits for a task's result. When it ends here the wait ends with it; a task that runs elsewhere is looked at, soon at
 * first and then each second.
 *
 * @throws TASK_UNKNOWN, TASK_FAILED (its `cause` is the attempt's error), RESULT_TIMEOUT.
 */
export async function awaitResult(
  id: TaskId,
  timeoutMs: number | undefined,
  store: Store,
  clock: Clock,
  waiters: ResultWaiters,
): Promise<unknown> {
  const begunMs = clock.monotonicMs()
  for (let lookMs = LOOK_MS_MIN; ; lookMs = Math.min(LOOK_MS_MAX, lookMs * 2)) {
    // Listening begins before the look: what ends in between must not be missed.
    const change = nextChange(id, clock, waiters)
    const record = await store.find(id)
    if (record === undefined || isFinal(record.state)) {
      change.cancel()
      return resultOf(id, record)
    }
    const leftMs = timeoutMs === undefined ? Infinity : timeoutMs - (clock.monotonicMs() - begunMs)
    if (leftMs <= 0) {
      change.cancel()
      throw new AfterwordError('RESULT_TIMEOUT', { id, waitedMs: timeoutMs!, state: record.state })
    }
    await change.within(Math.min(lookMs, leftMs))
  }
}

function nextChange(
  id: TaskId,
  clock: Clock,
  waiters: ResultWaiters,
): { within(ms: number): Promise<void>; cancel(): void } {
  const changed = Promise.withResolvers<void>()
  const cancel = waiters.add(id, changed.resolve)
  return {
    cancel,
    async within(ms) {
      const timer = clock.after(ms, changed.resolve, true)
      await changed.promise
      timer.cancel()
      cancel()
    },
  }
}

function resultOf(id: TaskId, record: TaskRecord | undefined): unknown {
  if (record === undefined) throw new AfterwordError('TASK_UNKNOWN', { id })
  const { name, state, error } = record
  // A success whose result could not be stored has an error beside it.
  if (state === 'succeeded' && error === undefined) {
    return record.result === undefined ? undefined : decodeValue(record.result)
  }
  const message = error?.message ?? 'no error was stored'
  throw new AfterwordError(
    'TASK_FAILED',
    { id, name, state, message },
    error === undefined ? undefined : { cause: revived(error) },
  )
}

function revived({ name, message, code, stack }: StoredError): Error {
  const error = new Error(message)
  return Object.assign(error, {
    name,
    ...(code === undefined ? {} : { code }),
    ...(stack === undefined ? {} : { stack }),
  })
}
