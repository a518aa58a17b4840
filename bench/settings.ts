/** How much is measured. */
export interface BenchSettings {
  readonly rounds: number
  /** How long one slice takes. */
  readonly seconds: number
  /** Whether peers take part, and what needs more than this machine surely has: a compiler, servers. */
  readonly peers: boolean
  /** Peers are measured in every so manieth round: their ratios are large, and a slice of them takes as long as any. */
  readonly peersEvery: number
}

/** Rounds before the first that counts, while code is compiled and caches fill. */
export function warmUpsOf({ rounds }: BenchSettings): number {
  return Math.min(2, rounds)
}
