import type { EventEmitter } from 'node:events'
import { hasMethods } from './session-options.ts'

/** What is used of a pool of `pg` or of `mysql2`. */
export interface KyselyPool {
  readonly options?: { readonly max?: number | undefined } | undefined
  readonly config?: { readonly connectionLimit?: number | undefined } | undefined
  on(event: 'acquire', listener: (client: EventEmitter) => void): unknown
}

/** Whether it is a pool of `pg` or of `mysql2`, as Kysely takes them. */
export function isPool(given: unknown): given is KyselyPool {
  return hasMethods(given, 'on', 'end') && (hasMethods(given, 'connect') || hasMethods(given, 'getConnection'))
}

/** How many connections it has at most; undefined when it does not tell. */
export function sizeOf(pool: KyselyPool | undefined): number | undefined {
  return pool?.options?.max ?? pool?.config?.connectionLimit
}

/**
 * A client of `pg` whose connection is lost while somebody has it says so by an event, and an `error` that nobody listens to
 * ends the process. Its next query rejects in any case, so there is nothing to do about the event.
 */
export function outliveConnections(pool: KyselyPool): void {
  if (known.has(pool)) return
  known.add(pool)
  pool.on('acquire', (client) => {
    if (!client.listeners('error').includes(ignore)) client.on('error', ignore)
  })
}

const known = new WeakSet<KyselyPool>()

function ignore(): void {}
