import assert from 'node:assert/strict'
import type { OpenSession, SessionProvider, SessionSql } from '../../index.ts'
import type { SessionCapabilities, SessionSite } from './site.ts'
import { bounded, until } from './waits.ts'

/** So many sessions are opened at most to see that a pool is whole. */
const WHOLE_MAX = 20
/** So many where the provider does not say how many there can be. */
const WHOLE_UNKNOWN = 3

/** How the cases are run. */
export interface Manner {
  readonly can: SessionCapabilities
  /** What takes longer is said to hang, in milliseconds. */
  readonly patienceMs: number
  readonly seed: number
}

/** What one case sees: a provider, its sessions, and the table behind them. */
export class World {
  readonly site: SessionSite
  readonly can: SessionCapabilities
  /** What is random in a case depends on it alone. */
  readonly seed: number
  readonly #patienceMs: number
  readonly #open = new Set<OpenSession>()

  private constructor(site: SessionSite, { can, patienceMs, seed }: Manner) {
    this.site = site
    this.can = can
    this.seed = seed
    this.#patienceMs = patienceMs
  }

  /**
   * Lets `body` have a world of its own. Sessions that it leaves open are closed, so that a case that fails does not hang.
   */
  static async use(site: SessionSite, manner: Manner, body: (world: World) => Promise<void>): Promise<void> {
    const world = new World(site, manner)
    try {
      await body(world)
    } finally {
      await world.#closeAll()
      await site.remove()
    }
  }

  get provider(): SessionProvider {
    return this.site.provider
  }

  async open(): Promise<OpenSession> {
    const session = await this.bounded('open()', this.provider.open())
    this.#open.add(session)
    return session
  }

  /** A session with these rows in it, open still. */
  async opened(...ids: readonly string[]): Promise<OpenSession> {
    const session = await this.open()
    for (const id of ids) await this.insert(session, id)
    return session
  }

  insert(session: OpenSession, id: string): Promise<unknown> {
    return this.site.insert(session.handle, id)
  }

  async commit(session: OpenSession): Promise<void> {
    await this.bounded(
      'commit()',
      Promise.try(() => session.commit()),
    )
    await this.close(session)
  }

  async rollback(session: OpenSession): Promise<void> {
    await this.bounded(
      'rollback()',
      Promise.try(() => session.rollback()),
    )
    await this.close(session)
  }

  async close(session: OpenSession, broken = false): Promise<void> {
    this.#open.delete(session)
    await this.bounded(
      `close(${broken})`,
      Promise.try(() => session.close(broken)),
    )
  }

  /** Does what becomes of a session that cannot be rolled back: its connection is given up. */
  async giveUp(session: OpenSession): Promise<void> {
    await this.bounded(
      'rollback() on a broken connection',
      Promise.try(() => session.rollback()).catch(() => undefined),
    )
    await this.close(session, true)
  }

  /** Gives what `work` comes to; fails when it hangs. */
  bounded<T>(what: string, work: Promise<T> | T): Promise<T> {
    return bounded(this.#patienceMs, what, work)
  }

  /** Resolves once that is so; fails when it never is. */
  until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
    return until(this.#patienceMs, what, isSo)
  }

  /** The rows, in their order. */
  async ids(): Promise<readonly string[]> {
    return [...(await this.bounded('ids()', this.site.ids()))].sort()
  }

  /** Fails unless every session was given back: nothing is out, and as many as there can be can be opened again. */
  async assertWhole(): Promise<void> {
    await this.assertNoneTaken()
    const { size = WHOLE_UNKNOWN } = this.provider
    const length = this.can.parallel ? Math.min(size, WHOLE_MAX) : 1
    const sessions = await Promise.all(Array.from({ length }, () => this.open()))
    for (const session of sessions) await this.rollback(session)
  }

  /** Fails unless the pool has all of its connections, as far as anybody can tell. */
  async assertNoneTaken(): Promise<void> {
    if (!this.can.countable) return
    await this.until('the return of every connection to the pool', async () => {
      const taken = await this.site.taken()
      return taken === undefined ? assert.fail('taken() gives undefined: pass can: { countable: false }') : taken === 0
    })
  }

  async #closeAll(): Promise<void> {
    for (const session of this.#open) await this.giveUp(session).catch(() => undefined)
  }
}

/** How statements get into the session, which has to be there. */
export function sqlOf(session: OpenSession): SessionSql {
  return session.sql ?? assert.fail('the session has no sql: pass can: { recordable: false }')
}
