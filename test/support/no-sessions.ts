import type { Addition } from '../../src/engine/addition.ts'
import type { Keeping } from '../../src/ports/keeping.ts'
import type { AttemptSessions } from '../../src/ports/sessions.ts'

/** For attempts whose `run` asks for no session. */
export function noSessions(): AttemptSessions {
  throw new Error('A session was asked for.')
}

/** For attempts that add nothing. */
export function nothingAdded(): Addition {
  throw new Error('A task was added.')
}

/** For attempts that keep nothing. */
export function nothingKept(): Keeping {
  throw new Error('A value was kept.')
}
