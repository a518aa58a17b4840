/**
 * `node workload.ts FOLDER MODE LIVES ROUNDS SEED`, under the recorder: an application that adds tasks of all kinds with
 * both durabilities, alone and as the tasks of a response, runs them, stops, and comes back, LIVES times. It notes in
 * the history what it tries, what it is promised, and what ran; nothing but the recorder sees how far it got.
 */
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { systemPorts } from '../../src/background-ports.ts'
import { Background } from '../../src/background.ts'
import type { AnyTaskDefinition } from '../../src/model/definition.ts'
import { isAfterwordError } from '../../src/model/errors.ts'
import type { Durability } from '../../src/model/task.ts'
import type { SyncMode } from '../../src/stores/sqlite/wal-sync.ts'
import { seededChance } from '../support/chance.ts'
import { HISTORY, type Mark, markLine } from './recording.ts'
import { definitions, inputOf } from './tasks.ts'
import { checkpointEvery, clockFor, turns } from './workload-parts.ts'

const AUTOCHECKPOINT_PAGES = 40
/** What begins so far apart is often committed while the sync of another group is under way. */
const APART_TURNS = 30
/** A dead worker is given the lease that it had: whoever starts on an image should not have to wait long for it. */
const SHORT_LEASE = { beat: 300, lease: 1_000 }

const [root = '', mode = '', lives = '', rounds = '', seed = ''] = process.argv.slice(2)
const chance = seededChance(Number(seed))
const history = openSync(join(root, HISTORY), 'a')
const { plain, failsOnce, givesUp, lasts } = definitions((n) => mark('ran', n))
const tasks: readonly [AnyTaskDefinition, ...AnyTaskDefinition[]] = [plain, failsOnce, givesUp, lasts]
let last = 0

function mark(what: Mark['what'], n: number, durability?: Durability): void {
  writeSync(history, markLine(what, n, durability))
}

const anyDurability = (): Durability => (chance.maybe(0.7) ? 'power' : 'process')

/** One task outside of a response; sometimes twice under an id of our own. */
async function addAlone(background: Background): Promise<void> {
  await turns(chance.below(APART_TURNS))
  const n = ++last
  const durability = anyDurability()
  const delay = chance.maybe(0.2) ? chance.below(20) : undefined
  const id = chance.maybe(0.4) ? `own-${n}` : undefined
  mark('try', n, durability)
  for (let times = id !== undefined && chance.maybe(0.3) ? 2 : 1; times > 0; times--) {
    const task = await background.add(chance.of(tasks), inputOf(n), { durability, delay, id }).catch(acceptTaken)
    if (task === undefined) return
    if (times === 1) mark('ack', n, durability)
    if (times === 1 && chance.maybe(0.1)) await background.cancel(task.id)
  }
}

/** The second of two adds under one id may name another definition. */
function acceptTaken(error: unknown): undefined {
  if (!isAfterwordError(error, 'TASK_ID_TAKEN')) throw error
}

/** The tasks of one response: all of them are promised by its head. */
async function respond(background: Background): Promise<void> {
  await turns(chance.below(APART_TURNS))
  const scope = background.attach(undefined)
  const added = Array.from({ length: 1 + chance.below(4) }, () => {
    const n = ++last
    const durability = anyDurability()
    mark('try', n, durability)
    scope.tasks.add(chance.of(tasks), inputOf(n), { durability, parallel: chance.maybe(0.2) })
    return { n, durability }
  })
  await scope.settle(201)
  for (const { n, durability } of added) mark('ack', n, durability)
  scope.close()
}

async function live(isLast: boolean): Promise<void> {
  const { clock, opened } = clockFor(mode as SyncMode)
  const background = new Background(
    {
      store: `sqlite:${join(root, 'data', 'tasks.db')}`,
      tasks: [...tasks],
      queues: { slow: 2 },
      concurrency: 4,
      ...SHORT_LEASE,
    },
    { ...systemPorts(), clock },
  )
  await background.start()
  opened()
  for (let round = 0; round < Number(rounds); round++) {
    const several = Array.from({ length: 1 + chance.below(4) }, () =>
      chance.maybe(0.5) ? addAlone(background) : respond(background),
    )
    await Promise.all(several)
    await turns(chance.below(4))
  }
  // Once it hands back what still runs, once it lets it end.
  await background.stop({ grace: isLast ? '8s' : 0 })
}

checkpointEvery(AUTOCHECKPOINT_PAGES)
for (let left = Number(lives); left > 0; left--) await live(left === 1)
