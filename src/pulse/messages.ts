import type { StoreAddress } from '../ports/store.ts'

/** What a pulse thread is made with. */
export interface PulseOrder {
  readonly cells: SharedArrayBuffer
  /** Where the store is to be found; undefined where there is no lease to keep. */
  readonly address: StoreAddress | undefined
  readonly beatMs: number
  /** How often the loop shows that it turns while it is awake. */
  readonly turnMs: number
  /** A loop that stands still for longer is looked at; Infinity: never. */
  readonly limitMs: number
  readonly stuckMs: number
  /** How often to look while the loop rests. */
  readonly restMs: number
  /** What a loop that stands still is asked to evaluate. */
  readonly question: string
}

/** From a pulse thread. */
export type FromPulse =
  | { readonly kind: 'ready' }
  | { readonly kind: 'beaten' }
  | { readonly kind: 'fenced'; readonly worker: number }
  | { readonly kind: 'failed'; readonly error: unknown }
