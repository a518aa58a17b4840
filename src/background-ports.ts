import type { Chance } from './ports/chance.ts'
import type { Clock } from './ports/clock.ts'
import type { Ids } from './ports/ids.ts'
import { createIds, systemChance, systemClock } from './ports/system.ts'

/** What a background asks of the system; a test or a simulation brings its own. */
export interface Ports {
  readonly clock: Clock
  readonly chance: Chance
  readonly ids: Ids
}

/** The real ones. */
export function systemPorts(): Ports {
  return { clock: systemClock, chance: systemChance, ids: createIds(systemClock) }
}
