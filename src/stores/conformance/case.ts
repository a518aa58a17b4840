import type { StoreCapabilities } from '../../ports/store.ts'
import type { World } from './world.ts'

/** One claim about stores, and how it is tried. */
export interface Case {
  readonly title: string
  /** What a store must be able to do for the claim to mean anything. */
  readonly needs: keyof StoreCapabilities | undefined
  readonly body: (world: World) => Promise<void>
}

/** Writes a case down; nothing runs yet. */
export function test(title: string, body: Case['body']): Case {
  return { title, needs: undefined, body }
}

/** The same for a claim about stores that have a capability; the suite names it where the store has not. */
export function testOf(needs: keyof StoreCapabilities, title: string, body: Case['body']): Case {
  return { title, needs, body }
}
