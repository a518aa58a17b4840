/** How much is measured. */
export interface BenchSettings {
  readonly rounds: number
  /** How long one slice takes. */
  readonly seconds: number
  /** Whether peers take part, and what needs more than this machine surely has: a compiler, servers. */
  readonly peers: boolean
  /** One round in so many also measures the peers: their ratios are large, and a slice of them takes as long as any. */
  readonly peersEvery: number
}

/**
 * A server runs for this long under load, in seconds, before it is measured. Measured: the durable endpoint got to 17,000,
 * 28,000, 32,000 and 34,000 requests/s in its first four slices of 0.7 s, while code is compiled and the log grows.
 */
const WARM_UP_SECONDS = 4

/** Rounds before the first that counts; everybody takes part in them. */
export function warmUpsOf({ rounds, seconds }: BenchSettings): number {
  return Math.min(rounds, Math.max(2, Math.ceil(WARM_UP_SECONDS / seconds)))
}
