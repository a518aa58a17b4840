import type { Plant } from './plant.ts'

/** The faults that the lane `power` has to find. */
export const POWER_PLANTS: readonly Plant[] = []
