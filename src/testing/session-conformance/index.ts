/**
 * The contract of `SessionProvider`, as tests: what the engine relies on, tried on any library, by itself and under a real
 * background.
 *
 * ```ts
 * import { sessionConformance } from 'afterword/sessions/conformance'
 *
 * sessionConformance('my library', async () => {
 *   const pool = await emptyPool()
 *   return {
 *     provider: mySession(pool),
 *     insert: (handle, id) => handle.query('insert into effect (id) values (?)', [id]),
 *     ids: () => idsSeenFromElsewhere(),
 *     taken: () => pool.taken,
 *     remove: () => pool.end(),
 *   }
 * }, { can: { severable: false } })
 * ```
 */
import * as nodeTest from 'node:test'
import type { TestRunner } from '../../model/test-runner.ts'
import { attempts } from './attempts.ts'
import type { Case } from './case.ts'
import { crowd } from './crowd.ts'
import { ends } from './ends.ts'
import { failures } from './failures.ts'
import { late } from './late.ts'
import { lostClaims } from './lost-claims.ts'
import { once } from './once.ts'
import type { SessionCapabilities, SessionSite } from './site.ts'
import { sql } from './sql.ts'
import { World } from './world.ts'

export type { TestRunner } from '../../model/test-runner.ts'
export type { SessionCapabilities, SessionSite } from './site.ts'

/** How the suite is run. */
export interface SessionConformanceOptions {
  /** What the sessions cannot do, as `false`: it is skipped by name. By default they can do all there is. */
  readonly can?: Partial<SessionCapabilities> | undefined
  /** What takes longer, in milliseconds, is said to hang. By default 15,000. */
  readonly patienceMs?: number | undefined
  /** What is random depends on it alone, but for what happens at the same time. By default 1. */
  readonly seed?: number | undefined
  /** By default `node:test`. */
  readonly runner?: TestRunner | undefined
}

const PATIENCE_MS = 15_000

const ALL: SessionCapabilities = {
  parallel: true,
  asynchronous: true,
  recordable: true,
  recognizable: true,
  severable: true,
  countable: true,
}

const GROUPS: Readonly<Record<string, readonly Case[]>> = {
  'how sessions end': ends,
  'what goes wrong': failures,
  'statements of Afterword': sql,
  'sessions of attempts': attempts,
  'sessions that have ended': late,
  'effects exactly once': once,
  'claims that are lost': lostClaims,
  'many attempts': crowd,
}

/**
 * Declares the tests of the contract for the sessions of one library.
 *
 * @param name  what the library is called in the titles.
 * @param openSite  gives each test a place of its own, with nothing in it.
 */
export function sessionConformance<Handle>(
  name: string,
  openSite: () => Promise<SessionSite<Handle>> | SessionSite<Handle>,
  { can: given, patienceMs = PATIENCE_MS, seed = 1, runner = nodeTest }: SessionConformanceOptions = {},
): void {
  const can = { ...ALL, ...given }
  const declare = ({ title, needs, body }: Case): void => {
    const run = async (): Promise<void> => World.use(await openSite(), { can, patienceMs, seed }, body)
    const lacks = needs.find((need) => !can[need])
    if (lacks === undefined) runner.test(title, run)
    else runner.test.skip(`${title} (skipped: the sessions are not ${lacks})`, run)
  }
  runner.describe(`Sessions (${name})`, () => {
    for (const [title, cases] of Object.entries(GROUPS)) runner.describe(title, () => cases.forEach(declare))
  })
}
