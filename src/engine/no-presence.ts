import type { Presence } from '../ports/presence.ts'

/** The presence of a store that no other process can reach, or that has no hints: poll and lease do everything. */
export const NO_PRESENCE: Presence = {
  arrive: () => Promise.resolve(),
  ring() {},
  ringOne() {},
  probe: () => 'unknown',
  bury() {},
  leave: () => Promise.resolve(),
  breakOff: () => Promise.resolve(),
  onRing() {},
  onGone() {},
}
