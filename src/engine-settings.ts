import type { ReadBackgroundOptions } from './background-options.ts'
import type { Ports } from './background-ports.ts'
import type { AttemptRules } from './engine/attempt.ts'
import { Lane } from './engine/lane.ts'
import type { Registry } from './engine/registry.ts'

/** One lane for each queue that is served: those that the options and the definitions name, and `default`. */
export function lanes(settings: ReadBackgroundOptions, registry: Registry): ReadonlyMap<string, Lane> {
  const queues = new Set(['default', ...Object.keys(settings.queues), ...registry.queues])
  return new Map([...queues].map((queue) => [queue, new Lane(queue, settings.queues[queue] ?? settings.concurrency)]))
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
