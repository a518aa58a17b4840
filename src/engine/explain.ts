import { canRun, lackOf, lackText } from '../model/lack.ts'
import { attemptNumber, type Instant, type TaskId, type TaskRecord, type WorkerRecord } from '../model/task.ts'

/** Why a task is not running now, as data and in plain words. */
export interface Explanation {
  readonly id: TaskId
  /** Undefined when the store has no such task. */
  readonly state: TaskRecord['state'] | undefined
  /**
   * `unknown`: no such task. `finished`: it has ended. `running`: it runs. `future`: it is not due. `retrying`: it waits
   * for its next attempt. `series`: an earlier task of its response comes first. `paused`: its queue is paused.
   * `nobody`: no registered worker serves its queue and knows its name in its version. `probation`: two workers died with it; it runs
   * alone. `full`: all places of its queue are taken. `soon`: nothing is in its way.
   */
  readonly reason:
    | 'unknown'
    | 'finished'
    | 'running'
    | 'future'
    | 'retrying'
    | 'series'
    | 'paused'
    | 'nobody'
    | 'probation'
    | 'full'
    | 'soon'
  readonly text: string
}

/** What the store and the worker know around a task. */
export interface Surroundings {
  readonly record: TaskRecord | undefined
  readonly ahead: readonly TaskId[]
  readonly paused: ReadonlySet<string>
  readonly workers: readonly WorkerRecord[]
  /** Tasks of its queue that are ready or running, itself included. */
  readonly ready: number
  readonly running: number
  readonly now: Instant
}

/** Says in plain words why a task is not running now. The first obstacle counts. */
export function explain(id: TaskId, around: Surroundings): Explanation {
  const { record } = around
  if (record === undefined) {
    return {
      id,
      state: undefined,
      reason: 'unknown',
      text: `No task ${id} is in the store: it was never added, or its retention has passed.`,
    }
  }
  const { state } = record
  const say = (reason: Explanation['reason'], text: string): Explanation => ({
    id,
    state,
    reason,
    text: `Task "${record.name}" ${text}`,
  })
  switch (state) {
    case 'scheduled':
      return scheduled(record, around.now, say)
    case 'waiting': {
      const next = around.ahead[0]
      return say(
        'series',
        `waits behind ${around.ahead.length} earlier task(s) of its response; the next of them is ${next ?? 'about to end'}.`,
      )
    }
    case 'ready':
      return ready(record, around, say)
    case 'running': {
      const worker = around.workers.find((each) => each.incarnation === record.worker)
      const where =
        worker === undefined
          ? `worker ${record.worker}, which is gone; its tasks are about to be taken back`
          : `${worker.name} (process ${worker.pid})`
      if (record.early) {
        return say('running', `is claimed by ${where} ahead of its turn, and waits there for a free place.`)
      }
      return say(
        'running',
        `is claimed by ${where}: attempt ${attemptNumber(record)} runs, or waits for its response to be sent.`,
      )
    }
    default:
      return say(
        'finished',
        `has ended: ${state}${record.error === undefined ? '' : `, with ${record.error.message}`}.`,
      )
  }
}

type Say = (reason: Explanation['reason'], text: string) => Explanation

function scheduled(record: TaskRecord, now: Instant, say: Say): Explanation {
  const dueAt = record.dueAt ?? now
  const when = `${new Date(dueAt).toISOString()}, in ${Math.max(0, dueAt - now)} ms`
  if (record.error === undefined) return say('future', `is not due until ${when}.`)
  return say(
    'retrying',
    `failed in attempt ${attemptNumber(record)} (${record.error.message}); the next attempt is due at ${when}.`,
  )
}

function ready(record: TaskRecord, around: Surroundings, say: Say): Explanation {
  const { queue } = record
  if (around.paused.has(queue)) {
    return say('paused', `is ready, but its queue "${queue}" is paused; background.resume('${queue}') lifts that.`)
  }
  const lack = lackOf(record, around.workers)
  if (lack !== undefined) {
    return say('nobody', `is ready, but ${lackText(lack, record)}; it waits for one that can run it.`)
  }
  const able = around.workers.filter((worker) => canRun(worker, record))
  if (record.crashes >= 2) {
    return say(
      'probation',
      `was held by ${record.crashes} workers that died; it runs next alone, and is quarantined if a third dies.`,
    )
  }
  if (around.running > 0) {
    return say(
      'full',
      `is ready; ${around.running} tasks of queue "${queue}" run and ${around.ready - 1} others are ready.`,
    )
  }
  return say('soon', `is ready and nothing is in its way; ${able.length} worker(s) can take it.`)
}
