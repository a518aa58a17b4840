import type { Ports } from './background-ports.ts'
import { NO_PRESENCE } from './engine/no-presence.ts'
import { AfterwordError } from './model/errors.ts'
import type { Presence } from './ports/presence.ts'
import type { Store } from './ports/store.ts'
import { SqlitePresence } from './stores/sqlite/presence.ts'
import { SqliteStore } from './stores/sqlite/sqlite-store.ts'

/** A store, and how its processes notice each other. */
export interface OpenedStore {
  readonly store: Store
  readonly presence: () => Presence
}

/**
 * Makes the store that an option names; nothing is opened yet.
 *
 * @throws STORE_URL_INVALID.
 */
export function makeStore(
  wanted: string | Store,
  ports: Ports,
  told: { failed(error: AfterwordError): void; debug(what: string, error?: unknown): void },
): OpenedStore {
  if (typeof wanted !== 'string') return { store: wanted, presence: ports.presence ?? (() => NO_PRESENCE) }
  const { clock, chance } = ports
  const parts = { clock, chance, onFailure: (error: AfterwordError) => told.failed(error) }
  if (wanted === 'memory:') return { store: new SqliteStore(undefined, parts), presence: () => NO_PRESENCE }
  const path = /^sqlite:(.+)$/s.exec(wanted)?.[1]
  if (path === undefined || path.startsWith('//') || path.includes('\0')) {
    throw new AfterwordError('STORE_URL_INVALID', { got: JSON.stringify(wanted) })
  }
  const store = new SqliteStore(path, parts)
  return {
    store,
    presence: () =>
      new SqlitePresence({
        file: store.file ?? path,
        clock,
        onDegraded: (reason) => told.debug(reason),
        onDebug: (what, error) => told.debug(what, error),
      }),
  }
}
