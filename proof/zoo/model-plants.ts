import type { Plant } from './plant.ts'

/** The faults that the lane `model` has to find. */
export const MODEL_PLANTS: readonly Plant[] = []
