import type { Plant } from './plant.ts'

/** The faults that the lane `sim` has to find. */
export const SIM_PLANTS: readonly Plant[] = []
