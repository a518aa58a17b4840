/**
 * The contract of `Store`, as tests: what the engine relies on, tried on any store.
 *
 * ```ts
 * import { storeConformance } from 'afterword/conformance'
 *
 * storeConformance('my store', () => {
 *   const folder = mkdtempSync(join(tmpdir(), 'my-store-'))
 *   return { store: () => new MyStore(folder), remove: () => rmSync(folder, { recursive: true }) }
 * })
 * ```
 */
import * as nodeTest from 'node:test'
import type { TestRunner } from '../../model/test-runner.ts'
import type { StoreCapabilities } from '../../ports/store.ts'
import { adding } from './adding.ts'
import { canaries } from './canaries.ts'
import { cancelling } from './cancelling.ts'
import type { Case } from './case.ts'
import { claiming } from './claiming.ts'
import { durability } from './durability.ts'
import { early } from './early.ts'
import { fencing } from './fencing.ts'
import { handBack } from './hand-back.ts'
import { listing } from './listing.ts'
import { outcomes } from './outcomes.ts'
import { pruning } from './pruning.ts'
import { queues } from './queues.ts'
import { requeueing } from './requeueing.ts'
import { rescue } from './rescue.ts'
import { series } from './series.ts'
import { steps } from './steps.ts'
import { values } from './values.ts'
import { versions } from './versions.ts'
import { walks } from './walks.ts'
import { workers } from './workers.ts'
import { type StoreSite, World } from './world.ts'

export type { TestRunner } from '../../model/test-runner.ts'
export type { StoreSite } from './world.ts'

/** How the suite is run. */
export interface ConformanceOptions {
  /** What the stores can do; by default all there is. What they cannot do is skipped by name. */
  readonly can?: StoreCapabilities
  /** By default `node:test`. */
  readonly runner?: TestRunner
}

const GROUPS: Readonly<Record<string, readonly Case[]>> = {
  adding,
  claiming,
  'claiming ahead of turn': early,
  outcomes,
  series,
  'values that attempts keep': steps,
  cancelling,
  requeueing,
  rescue,
  fencing,
  'handing back': handBack,
  versions,
  workers,
  canaries,
  queues,
  listing,
  pruning,
  values,
  durability,
  'random walks': walks,
}

/**
 * Declares the tests of the contract for one kind of store.
 *
 * @param name  what the kind of store is called in the titles.
 * @param openSite  gives each test a place of its own, with nothing in it.
 */
export function storeConformance(
  name: string,
  openSite: () => Promise<StoreSite> | StoreSite,
  { can = { shared: true, persistent: true }, runner = nodeTest }: ConformanceOptions = {},
): void {
  const declare = ({ title, needs, body }: Case): void => {
    const run = async (): Promise<void> => World.use(await openSite(), can, body)
    if (needs !== undefined && !can[needs]) runner.test.skip(`${title} (skipped: the store is not ${needs})`, run)
    else runner.test(title, run)
  }
  runner.describe(`Store (${name})`, () => {
    for (const [title, cases] of Object.entries(GROUPS)) runner.describe(title, () => cases.forEach(declare))
  })
}
