import type { Addition, AdditionDesk } from '../../src/engine/addition.ts'
import type { AddingRules } from '../../src/ports/executor.ts'
import type { Keeping } from '../../src/ports/keeping.ts'
import type { AttemptSessions, SessionMaker } from '../../src/ports/sessions.ts'

/** For attempts whose `run` asks for no session. */
export function noSessions(): AttemptSessions {
  throw new Error('A session was asked for.')
}

/** The same for a runner. */
export const NO_SESSIONS: SessionMaker = { forAttempt: noSessions, usedInIsolate: noSessions }

/** For attempts that add nothing. */
export function nothingAdded(): Addition {
  throw new Error('A task was added.')
}

/** For attempts that keep nothing. */
export function nothingKept(): Keeping {
  throw new Error('A value was kept.')
}

/** By which nothing can be added. */
export const ADDING_NOTHING: AddingRules = {
  names: [],
  inputBytesMax: 1_000,
  durability: 'process',
  bufferMax: 10,
  live: 0,
  backlogMax: 10,
}

/** For runners whose attempts add nothing. */
export const NO_ADDITIONS: AdditionDesk = {
  addition: nothingAdded,
  adopted: nothingAdded,
  adding: () => ADDING_NOTHING,
}
