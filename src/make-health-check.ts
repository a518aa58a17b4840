import type { ReadBackgroundOptions } from './background-options.ts'
import type { Ports } from './background-ports.ts'
import { rules } from './engine-settings.ts'
import { Canary } from './engine/canary.ts'
import type { Lane } from './engine/lane.ts'
import type { Worker } from './engine/worker.ts'
import { HealthCheck } from './health.ts'
import type { Logger } from './model/logger.ts'
import type { Store } from './ports/store.ts'

/** Whose health it is. */
export interface HealthCheckedParts {
  readonly logger: Logger
  readonly store: Store
  readonly lanes: ReadonlyMap<string, Lane>
  readonly worker: Worker
  /** Undefined while the store is open; else a promise of it. */
  opening(): Promise<unknown> | undefined
}

/** Makes what says whether this process is well, with the canary that proves it. */
export function makeHealthCheck(settings: ReadBackgroundOptions, ports: Ports, parts: HealthCheckedParts): HealthCheck {
  const { worker, logger } = parts
  const canary = new Canary({
    ...ports,
    rules: rules(settings, ports),
    logger,
    durability: settings.durability,
    journal: () => worker.journal,
    incarnation: () => worker.incarnation,
  })
  return new HealthCheck({ ...parts, settings, clock: ports.clock, canary })
}
