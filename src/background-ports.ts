import type { Chance } from './ports/chance.ts'
import type { Clock } from './ports/clock.ts'
import type { Ids } from './ports/ids.ts'
import type { Pace } from './ports/pace.ts'
import type { Presence } from './ports/presence.ts'
import { createIds, systemChance, systemClock } from './ports/system.ts'

/** What a background asks of the system; a test or a simulation brings its own. */
export interface Ports {
  readonly clock: Clock
  readonly chance: Chance
  readonly ids: Ids
  /** How the workers of a store object notice each other. By default they do not: poll and lease do everything. */
  readonly presence?: () => Presence
  readonly pace?: Pace
}

/** The real ones. */
export function systemPorts(): Ports {
  return { clock: systemClock, chance: systemChance, ids: createIds(systemClock) }
}
