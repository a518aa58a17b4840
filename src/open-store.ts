import type { ReadBackgroundOptions } from './background-options.ts'
import type { Ports } from './background-ports.ts'
import { NO_PRESENCE } from './engine/no-presence.ts'
import { AfterwordError } from './model/errors.ts'
import type { Presence } from './ports/presence.ts'
import type { Store } from './ports/store.ts'
import { isSharedFile } from './shared-file.ts'
import { SqlitePresence } from './stores/sqlite/presence.ts'
import { SqliteStore } from './stores/sqlite/sqlite-store.ts'

/** A store, and how its processes notice each other. */
export interface OpenedStore {
  readonly store: Store
  readonly presence: () => Presence
}

/** The options that the making of a store looks at. */
export type StoreSettings = Pick<ReadBackgroundOptions, 'store' | 'sessions' | 'tasks'>

/**
 * Makes the store that an option names; nothing is opened yet. Opening it throws STORE_OTHER_LIBRARY when a session of the
 * background or of one of its definitions is on the same file and not of `node:sqlite`.
 *
 * @throws STORE_URL_INVALID.
 */
export function makeStore(
  { store: wanted, sessions, tasks }: StoreSettings,
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
  const providers = [sessions, ...tasks.map((definition) => definition.sessions ?? {})]
  const store = new SqliteStore(path, { ...parts, isShared: (file) => isSharedFile(file, providers) })
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
