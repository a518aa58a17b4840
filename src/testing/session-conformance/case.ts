import type { SessionCapabilities } from './site.ts'
import type { World } from './world.ts'

/** One claim about sessions, and how it is tried. */
export interface Case {
  readonly title: string
  /** What sessions must be able to do for the claim to mean anything. */
  readonly needs: readonly (keyof SessionCapabilities)[]
  readonly body: (world: World) => Promise<void>
}

/** Writes a case down; nothing runs yet. */
export function test(title: string, body: Case['body']): Case {
  return { title, needs: [], body }
}

/** The same for a claim about sessions that can do something; the suite names it where they cannot. */
export function testOf(needs: Case['needs'], title: string, body: Case['body']): Case {
  return { title, needs, body }
}
