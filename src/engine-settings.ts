import { availableParallelism, hostname } from 'node:os'
import type { ReadBackgroundOptions } from './background-options.ts'
import type { Ports } from './background-ports.ts'
import type { AttemptRules } from './engine/attempt.ts'
import { Lane } from './engine/lane.ts'
import type { Registry } from './engine/registry.ts'
import { IsolatePool } from './isolates/isolate-pool.ts'
import { didYouMean } from './model/did-you-mean.ts'
import { AfterwordError } from './model/errors.ts'
import type { BackgroundEvents } from './model/events.ts'
import type { Logger } from './model/logger.ts'
import type { Retention } from './model/task.ts'
import type { Executor } from './ports/executor.ts'
import type { Store } from './ports/store.ts'
import { VERSION } from './version.ts'

/**
 * One lane for each queue that is served: those that the options and the definitions name, and `default`; or which of them
 * the option `serves` names.
 *
 * @throws QUEUE_UNKNOWN.
 */
export function lanes(settings: ReadBackgroundOptions, registry: Registry): ReadonlyMap<string, Lane> {
  const queues = new Set(['default', ...Object.keys(settings.queues), ...registry.queues])
  for (const queue of settings.serves ?? []) {
    if (queues.has(queue)) continue
    throw new AfterwordError('QUEUE_UNKNOWN', {
      queue,
      known: [...queues].join(', '),
      meant: didYouMean(queue, queues),
    })
  }
  return new Map(
    [...(settings.serves ?? queues)].map((queue) => [
      queue,
      new Lane(queue, settings.queues[queue] ?? settings.concurrency),
    ]),
  )
}

/** What every attempt keeps to where its definition does not say. */
export function rules(settings: ReadBackgroundOptions, ports: Ports): AttemptRules {
  return {
    clock: ports.clock,
    chance: ports.chance,
    retry: settings.retry,
    timeoutMs: settings.timeoutMs,
    abandonMs: settings.abandonAfterMs,
    resultBytesMax: settings.resultBytesMax,
  }
}

/** How long finished tasks are kept, in milliseconds. */
export function retention({ retention: kept }: ReadBackgroundOptions): Retention {
  const { succeededMs, failedMs, cancelledMs, quarantinedMs } = kept
  return { succeeded: succeededMs, failed: failedMs, cancelled: cancelledMs, quarantined: quarantinedMs }
}

/** The providers of sessions that have fewer connections than attempts may run at once. */
export function smallPools(
  { works, sessions }: ReadBackgroundOptions,
  served: ReadonlyMap<string, Lane>,
): readonly BackgroundEvents['session:pool-small'][] {
  if (!works) return []
  const concurrency = [...served.values()].reduce((sum, lane) => sum + lane.concurrency, 0)
  return Object.entries(sessions).flatMap(([session, { size = Infinity, single }]) =>
    single === true || size >= concurrency ? [] : [{ session, size, concurrency }],
  )
}

/** What runs the definitions that want an isolate; undefined when there are none, or none may have one. */
export function executor(
  settings: ReadBackgroundOptions,
  registry: Registry,
  ports: Ports,
  logger: Logger,
): Executor | undefined {
  const size = settings.threads ?? availableParallelism()
  if (size === 0 || !settings.works || registry.isolated.length === 0) return undefined
  return new IsolatePool({ clock: ports.clock, logger, size, memoryMb: settings.threadMemoryMb })
}

/** What a worker says of itself as it registers. */
export function registration(
  settings: ReadBackgroundOptions,
  { clock }: Ports,
  served: ReadonlyMap<string, Lane>,
  registry: Registry,
): Parameters<Store['register']>[0] {
  return {
    name: settings.name ?? `${hostname()}:${process.pid}`,
    pid: process.pid,
    host: hostname(),
    version: VERSION,
    runtime: `node ${process.versions.node}`,
    queues: settings.works ? [...served.keys()] : [],
    definitions: settings.works ? registry.known : [],
    registeredAt: clock.now(),
    leaseMs: settings.leaseMs,
  }
}
