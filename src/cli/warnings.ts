import type { BackgroundOptions, WorkerView } from '../index.ts'
import type { ProcessSettings } from './messages.ts'

/** What works, but probably not as its owner thinks. */
export function warningsOf(
  settings: ProcessSettings,
  given: BackgroundOptions,
  workers: readonly WorkerView[],
): readonly string[] {
  return [
    ...worksWarnings(settings, given.works),
    ...memoryWarnings(settings, given.store),
    ...concurrencyWarnings(settings, given),
    ...queueWarnings(settings, given, workers),
  ]
}

function worksWarnings({ role, processes, entryName }: ProcessSettings, works: boolean | undefined): string[] {
  if (role !== 'web') return []
  if (works === true && processes.worker > 0) {
    return [`it runs tasks beside the workers, for ${entryName} says works: true; leave works out to change that`]
  }
  if (works === false && processes.worker === 0) {
    return [
      `nobody here runs its tasks, for ${entryName} says works: false and there is no worker; pass --workers 1, or leave works out`,
    ]
  }
  return []
}

function memoryWarnings({ processes }: ProcessSettings, store: unknown): string[] {
  if (store !== 'memory:' || processes.web < 2) return []
  return [
    'its store is memory:, so that each web process knows its own tasks only; use a file to look at a task from any of them',
  ]
}

function concurrencyWarnings({ concurrency, queues }: ProcessSettings, given: BackgroundOptions): string[] {
  const named = Object.keys(given.queues ?? {})
  const served = queues ?? queuesOf(given)
  if (concurrency === undefined || served.some((queue) => !named.includes(queue))) return []
  return ['--concurrency changes nothing: the option queues says how many tasks each of its queues runs at once']
}

/** Only where some are served: else it is the library that tells of tasks which nobody takes. */
function queueWarnings(
  { queues }: ProcessSettings,
  given: BackgroundOptions,
  workers: readonly WorkerView[],
): string[] {
  if (queues === undefined) return []
  const unserved = queuesOf(given).filter((queue) => !workers.some((worker) => worker.queues.includes(queue)))
  if (unserved.length === 0) return []
  return [`no worker in the store takes tasks of ${unserved.join(', ')} so far; start one that does`]
}

function queuesOf({ queues, tasks }: BackgroundOptions): string[] {
  const named = (tasks ?? []).map(({ queue }) => queue)
  return [...new Set(['default', ...Object.keys(queues ?? {}), ...named])]
}
