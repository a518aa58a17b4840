/** Chance, handed in, so that a simulation can replay it. */
export interface Chance {
  /** A number from 0 up to, not including, 1. */
  fraction(): number
}
