import type { Background, BackgroundOptions } from '../index.ts'
import { AfterwordError } from '../model/errors.ts'
import { custom, oneOf } from '../model/option-kinds.ts'
import { optionTable } from '../model/option-table.ts'
import { createIds, systemClock } from '../ports/system.ts'
import { SqliteStore } from '../stores/sqlite/sqlite-store.ts'
import { AddOrder } from './add-order.ts'
import { LabClock } from './lab-clock.ts'
import type { LabWorld } from './lab-process.ts'
import { Lab } from './lab.ts'
import { Ledger } from './ledger.ts'
import { Turnstile } from './turnstile.ts'

/** What {@link testBackground} takes: every option of `createBackground` but the store, which is in memory. */
export interface LabOptions extends Omit<BackgroundOptions, 'store'> {
  /** `manual`, the default: nothing runs until `run()` or `step()`. `auto`: tasks run by themselves, as in production. */
  readonly run?: 'manual' | 'auto' | undefined
  /** What the clock says at first: a Date, or milliseconds since the Unix epoch. By default the time of the call. */
  readonly now?: Date | number | undefined
  /**
   * Which of its possible values each random wait takes, from 0 (the shortest) to 1 (the longest). By default 1: the waits
   * between attempts are the bounds that `retry` gives, doubling each time.
   */
  readonly chance?: number | undefined
}

/** Builds the application under test on a background: called for the first process and again after each crash. */
export type BuildApp<App> = (background: Background) => App | Promise<App>

const instant = custom('a valid Date or milliseconds since the Unix epoch', (given): given is Date | number => {
  const ms: unknown = given instanceof Date ? given.getTime() : given
  return typeof ms === 'number' && Number.isFinite(ms)
})

const fraction = custom(
  'a number from 0 to 1',
  (given): given is number => typeof given === 'number' && given >= 0 && given <= 1,
)

const LAB_OPTIONS = optionTable({
  run: { is: oneOf('manual', 'auto'), default: 'manual', says: 'Whether tasks wait for `run()` and `step()`.' },
  now: { is: instant, default: undefined, says: 'What the clock says at first.' },
  chance: { is: fraction, default: 1, says: 'Which of its possible values each random wait takes.' },
})

/** The time in every id: the store keeps ids of its own decades in the order of their creation, whatever the lab's clock says. */
const IDS_MS = Date.UTC(2026, 0, 1)

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Makes a lab: a real background on a store in memory, on a clock of its own. Nothing is logged unless a `logger` is given.
 *
 * ```ts
 * await using lab = await testBackground({ tasks: [sendWelcome] }, (background) => buildApp(background))
 * ```
 *
 * @param build  makes the application, which is then `lab.app`.
 * @throws what `createBackground` throws, and what `build` throws.
 */
export async function testBackground<App = undefined>(
  options: LabOptions = {},
  build?: BuildApp<App>,
): Promise<Lab<App>> {
  const { run, now, chance, ...rest } = options
  if ('store' in rest) {
    throw new AfterwordError('OPTION_UNKNOWN', { where: 'testBackground', option: 'store', meant: undefined })
  }
  const read = LAB_OPTIONS.parse('testBackground', { run, now, chance })
  const clock = new LabClock(Math.round(Number(read.now ?? systemClock.now())))
  const luck = { fraction: () => read.chance }
  const store = new SqliteStore(undefined, { clock, chance: luck })
  const world: LabWorld = {
    clock,
    store,
    ledger: new Ledger(store),
    turnstile: new Turnstile(read.run === 'auto'),
    order: new AddOrder(),
    plan: undefined,
    ports: { chance: luck, ids: createIds({ now: () => IDS_MS }) },
    // Tasks with `thread: true` run here too: a thread would import the sources of a test without its transforms.
    options: { logger: SILENT, threads: 0, ...rest },
    dead: new Set(),
  }
  return Lab.open<App>(world, build ?? (() => undefined as App))
}
