/** One driver at work in a process of its own: adds tasks, runs them, or both, and says how long that took. */
import { answer } from './child.ts'
import { driverOf } from './contenders.ts'
import { COUNTED, countStatements } from './count-statements.ts'
import { machineNow, type OpenDriver, type Place, taskInput, type TaskInput, wait } from './peer.ts'
import type { Ask, SliceResult } from './slice.ts'
import { Tally } from './tally.ts'
import { cpuMicros, usage } from './usage.ts'

/** How the process is started. */
export interface PeerSettings {
  readonly driver: string
  readonly place: Place
  /** Whether it runs tasks. */
  readonly works: boolean
  /** Whether it counts what it asks of SQLite. */
  readonly counts: boolean
}

const settings = JSON.parse(process.argv[2]!) as PeerSettings
if (settings.counts) countStatements()

const driver = driverOf(settings.driver)
const tally = new Tally()
let waited: number[] = []

function run(input: TaskInput): Promise<void> {
  if (input.at > 0) waited.push(machineNow() - input.at)
  tally.run(input)
  return Promise.resolve()
}
let opened: OpenDriver | undefined
if (settings.works) {
  opened = await driver.open(settings.place)
  await opened.work(run)
}

/** The store, opened when it is needed: a process that drains others' stores opens none of its own. */
async function store(): Promise<OpenDriver> {
  return (opened ??= await driver.open(settings.place))
}

/** Bounded, so that a lost task is reported and not waited for. */
async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  const begun = performance.now()
  while (!(await isDone()) && performance.now() - begun < 20_000) await wait(1)
}

async function steady({ ms, adders }: Ask & { do: 'steady' }): Promise<SliceResult> {
  const open = await store()
  const before = { cpu: cpuMicros(), commits: COUNTED.commits, ran: tally.ran, doubled: tally.doubled }
  const begun = performance.now()
  const adder = async (): Promise<void> => {
    while (performance.now() - begun < ms) await open.add(taskInput(tally.next()))
  }
  await Promise.all(Array.from({ length: adders }, adder))
  await until(() => tally.ran >= tally.added)
  // What ran last counts only when the store has it.
  await until(async () => (await open.left()) === 0)
  const lost = tally.added - tally.ran + (await open.left())
  return {
    tasks: tally.ran - before.ran,
    ms: performance.now() - begun,
    cpuMicros: cpuMicros() - before.cpu,
    commits: COUNTED.commits - before.commits,
    lost,
    doubled: tally.doubled - before.doubled,
  }
}

async function drain(tasks: number, place: Place): Promise<SliceResult> {
  const filler = await driver.open(place)
  await filler.addMany(Array.from({ length: tasks }, (_, index) => taskInput(index + 1)))
  await filler.close()
  const drained = new Tally()
  const worker = await driver.open(place)
  const [begun, cpu] = [performance.now(), cpuMicros()]
  await worker.work(async (input) => drained.run(input))
  await until(() => drained.ran >= tasks)
  await until(async () => (await worker.left()) === 0)
  const [ms, used] = [performance.now() - begun, cpuMicros() - cpu]
  const lost = tasks - drained.ran + (await worker.left())
  await worker.close()
  return { tasks: drained.ran, ms, cpuMicros: used, commits: 0, lost, doubled: drained.doubled }
}

async function add({ samples, everyMs }: Ask & { do: 'add' }): Promise<void> {
  const open = await store()
  for (let sample = 0; sample < samples; sample++) {
    // Not evenly enough to march in step with somebody's timer.
    await wait(everyMs * (0.5 + Math.random()))
    await open.add(taskInput(tally.next(), machineNow()))
  }
}

answer(
  {},
  (ask: Ask) => {
    switch (ask.do) {
      case 'steady':
        return steady(ask)
      case 'drain':
        return drain(ask.tasks, ask.place)
      case 'add':
        return add(ask)
      case 'waited': {
        const taken = waited
        waited = []
        return taken
      }
      case 'usage':
        return usage()
    }
  },
  () => opened?.close(),
)
