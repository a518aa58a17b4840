import { CRASH_PLANTS } from './crash-plants.ts'
import { LEDGER_PLANTS } from './ledger-plants.ts'
import { MODEL_PLANTS } from './model-plants.ts'
import type { Plant } from './plant.ts'
import { POWER_PLANTS } from './power-plants.ts'
import { SIM_PLANTS } from './sim-plants.ts'

/** Every planted fault, by lane. */
export const ZOO: readonly Plant[] = [
  ...MODEL_PLANTS,
  ...SIM_PLANTS,
  ...CRASH_PLANTS,
  ...LEDGER_PLANTS,
  ...POWER_PLANTS,
]

/** The plant of that name, or undefined. */
export function plantNamed(name: string): Plant | undefined {
  return ZOO.find((plant) => plant.name === name)
}
