/**
 * Tasks per second of one process that adds, commits, runs and finishes them, against the least that could do it and against
 * the peers. Every variant is a process of its own, all alive side by side, measured in short slices that take turns.
 *
 * `steady`: adders that wait for each add to be acknowledged, 256 at once; a slice ends when everything that it added has run
 * and the store has it. `drain`: a full store, and then a worker, from its start until the store is empty.
 */
import { Child } from './child.ts'
import { Field, OURS, PEERS, SERVER_FLOORS } from './contenders.ts'
import type { FloorSettings } from './floor-process.ts'
import type { PeerSettings } from './peer-process.ts'
import type { Driver, Place, Survives } from './peer.ts'
import type { Chart, Figure, Report, Row, Table } from './report.ts'
import { type BenchSettings, warmUpsOf } from './settings.ts'
import type { Ask, SliceResult } from './slice.ts'
import { median, ratios, summary, turn } from './statistics.ts'
import { FULL_NAMES } from './variants.ts'

/** Adders at work at once. */
const ADDERS = 256

interface Slice {
  readonly perSecond: number
  readonly cpuMicrosPerTask: number
}

interface Variant {
  readonly name: string
  readonly survives: Survives
  readonly drains: number
  child: Child
  readonly isEmbeddedPeer: boolean
  /** A place for a slice that needs an empty store. */
  emptyPlace(): Promise<Place>
  /** Ends the work on its own store, for a process that holds one cannot open another in each library. */
  emptyHands(): Promise<void>
  readonly steady: Slice[]
  readonly drain: Slice[]
}

const FLOOR = { full: 'floor', normal: 'floor process' }

/** The benchmark. */
export async function benchThroughput(settings: BenchSettings): Promise<Report> {
  const field = await Field.open(settings)
  const variants: Variant[] = []
  const wrong: string[] = []
  try {
    const group = await groupSize(field, settings)
    const ours = await startOurs(field, variants)
    const peers: Variant[] = []
    await field.each([...PEERS, ...SERVER_FLOORS], async (driver) => {
      peers.push(await startDriver(field, driver, variants))
    })
    for (const { child } of peers) child.pause()
    const warmUps = warmUpsOf(settings)
    for (let round = -warmUps; round < settings.rounds; round++) {
      const withPeers = round < 0 || round % settings.peersEvery === 0
      for (const variant of [...turn(ours, round + warmUps), ...(withPeers ? turn(peers, round + warmUps) : [])]) {
        await steadySlice(variant, settings, group, round >= 0, wrong)
      }
    }
    for (const variant of variants) await variant.emptyHands()
    const drains = Math.ceil(settings.rounds / 4)
    for (let round = -1; round < drains; round++) {
      for (const variant of turn(variants, round + 1)) await drainSlice(variant, settings, round >= 0, wrong)
    }
    return {
      bench: 'throughput',
      figures: figuresOf(variants, settings),
      tables: [
        { title: `Tasks/s, medians; groups of ${group} in the floor, as many as ours gets`, rows: rowsOf(variants) },
      ],
      charts: [chartOf(variants, settings)],
      contenders: await field.contenders(),
      skipped: field.skipped,
      wrong,
      doubts: [],
    }
  } finally {
    for (const { child } of variants) await child.stop()
    await field.close()
  }
}

/** How many tasks of ours share a commit under this load; the floor writes groups of that size. */
async function groupSize(field: Field, { seconds }: BenchSettings): Promise<number> {
  const settings: PeerSettings = {
    driver: OURS.forgetful.name,
    place: await field.place(OURS.forgetful),
    works: true,
    counts: true,
  }
  const { child } = await Child.start('./peer-process.ts', [JSON.stringify(settings)])
  const ask: Ask = { do: 'steady', ms: seconds * 1000, adders: ADDERS }
  await child.ask<SliceResult>(ask)
  const { tasks, commits } = await child.ask<SliceResult>(ask)
  await child.stop()
  return Math.min(ADDERS, Math.max(1, Math.round(tasks / commits)))
}

/** On the ring of turns those stand side by side that are compared. */
async function startOurs(field: Field, variants: Variant[]): Promise<Variant[]> {
  await startDriver(field, OURS.power, variants)
  await startFloor(field, FLOOR_FULL, variants)
  await startDriver(field, OURS.forgetful, variants)
  await startFloor(field, FLOOR_NORMAL, variants)
  await startDriver(field, OURS.processOnly, variants)
  return variants.slice()
}

const FLOOR_FULL = { name: FLOOR.full, synchronous: 'FULL', survives: 'power' } as const
const FLOOR_NORMAL = { name: FLOOR.normal, synchronous: 'NORMAL', survives: 'process' } as const

async function startFloor(
  field: Field,
  floor: typeof FLOOR_FULL | typeof FLOOR_NORMAL,
  variants: Variant[],
): Promise<void> {
  const { folder } = await field.place(OURS.power)
  const settings: FloorSettings = { folder, synchronous: floor.synchronous }
  const { child } = await Child.start('./floor-process.ts', [JSON.stringify(settings)])
  variants.push({
    name: floor.name,
    survives: floor.survives,
    drains: 50_000,
    child,
    isEmbeddedPeer: false,
    emptyPlace: () => field.place(OURS.power),
    emptyHands: () => Promise.resolve(),
    steady: [],
    drain: [],
  })
}

async function startDriver(field: Field, driver: Driver, variants: Variant[]): Promise<Variant> {
  const emptyPlace = (): Promise<Place> => field.place(driver)
  const start = async (works: boolean): Promise<Child> => {
    const settings: PeerSettings = { driver: driver.name, place: await emptyPlace(), works, counts: false }
    return (await Child.start('./peer-process.ts', [JSON.stringify(settings)])).child
  }
  const { name, survives, drains } = driver
  const variant: Variant = {
    name,
    survives,
    drains,
    child: await start(true),
    isEmbeddedPeer: PEERS.includes(driver) && driver.needs === undefined,
    emptyPlace,
    async emptyHands() {
      await variant.child.stop()
      variant.child = await start(false)
    },
    steady: [],
    drain: [],
  }
  variants.push(variant)
  return variant
}

async function steadySlice(
  variant: Variant,
  { seconds }: BenchSettings,
  group: number,
  counts: boolean,
  wrong: string[],
): Promise<void> {
  const isFloor = variant.name === FLOOR.full || variant.name === FLOOR.normal
  const result = await measure(variant, { do: 'steady', ms: seconds * 1000, adders: isFloor ? group : ADDERS }, wrong)
  if (counts) variant.steady.push(toSlice(result))
}

async function drainSlice(
  variant: Variant,
  { seconds }: BenchSettings,
  counts: boolean,
  wrong: string[],
): Promise<void> {
  const tasks = Math.ceil(variant.drains * seconds * 2)
  const result = await measure(variant, { do: 'drain', tasks, place: await variant.emptyPlace() }, wrong)
  if (counts) variant.drain.push(toSlice(result))
}

async function measure({ name, child }: Variant, ask: Ask, wrong: string[]): Promise<SliceResult> {
  child.resume()
  const result = await child.ask<SliceResult>(ask)
  child.pause()
  if (result.lost > 0) wrong.push(`${name}, ${ask.do}: ${result.lost} acknowledged tasks have not ended`)
  if (result.doubled > 0) wrong.push(`${name}, ${ask.do}: ${result.doubled} tasks ran twice`)
  return result
}

function toSlice({ tasks, ms, cpuMicros }: SliceResult): Slice {
  return { perSecond: tasks / (ms / 1000), cpuMicrosPerTask: cpuMicros / tasks }
}

function figuresOf(variants: readonly Variant[], { peersEvery }: BenchSettings): Figure[] {
  const of = (name: string): Variant => variants.find((variant) => variant.name === name)!
  const pair = (key: string, says: string, above: readonly Slice[], under: readonly Slice[]): Figure[] => [
    { key, says, rounds: ratios(above.map(rateOf), under.map(rateOf)) },
    { key: `${key}.cpu`, says: `${says}, by CPU time`, rounds: ratios(under.map(cpuOf), above.map(cpuOf)) },
  ]
  const [kept, removed, processOnly] = [OURS.power, OURS.forgetful, OURS.processOnly].map(({ name }) => of(name)) as [
    Variant,
    Variant,
    Variant,
  ]
  // All embedded peers promise less than a power cut, so each is at a weaker durability.
  const embedded = variants.filter(({ isEmbeddedPeer }) => isEmbeddedPeer)
  const best = embedded.toSorted((a, b) => median(b.steady.map(rateOf)) - median(a.steady.map(rateOf)))[0]
  const bestDrain = embedded.toSorted((a, b) => median(b.drain.map(rateOf)) - median(a.drain.map(rateOf)))[0]
  const amongPeers = kept.steady.filter((_, round) => round % peersEvery === 0)
  return [
    ...pair('throughput.sqlite_vs_floor', 'finished tasks removed', removed.steady, of(FLOOR.full).steady),
    ...pair('throughput.sqlite_kept_vs_floor', 'finished tasks kept', kept.steady, of(FLOOR.full).steady),
    ...pair('throughput.sqlite_process_vs_floor', '`process`, kept', processOnly.steady, of(FLOOR.normal).steady),
    ...pair('throughput.sqlite_drain_vs_floor', 'a full store', removed.drain, of(FLOOR.full).drain),
    ...(best === undefined ? [] : pair('throughput.sqlite_vs_best_peer', `to ${best.name}`, amongPeers, best.steady)),
    ...(bestDrain === undefined
      ? []
      : pair(
          'throughput.sqlite_drain_vs_best_peer',
          `a full store, to ${bestDrain.name}`,
          kept.drain,
          bestDrain.drain,
        )),
  ]
}

const rateOf = ({ perSecond }: Slice): number => perSecond
const cpuOf = ({ cpuMicrosPerTask }: Slice): number => cpuMicrosPerTask

function rowsOf(variants: readonly Variant[]): Table['rows'] {
  const rounded = (values: readonly number[], digits: number): number => Number(median(values).toFixed(digits))
  return variants.map(({ name, survives, steady, drain }): Row => ({
    variant: name,
    survives,
    'end to end/s': rounded(steady.map(rateOf), 0),
    'CPU µs/task': rounded(steady.map(cpuOf), 1),
    'from a full store/s': rounded(drain.map(rateOf), 0),
    'CPU µs/task, full store': rounded(drain.map(cpuOf), 1),
  }))
}

/** Tasks a second end to end, each relative to the floor in the same round. */
function chartOf(variants: readonly Variant[], { peersEvery }: BenchSettings): Chart {
  const floor = variants.find(({ name }) => name === FLOOR.full)!.steady.map(rateOf)
  const beside = floor.filter((_, round) => round % peersEvery === 0)
  return {
    title: 'Tasks a second from add to end, relative to raw grouped SQL with synchronous=FULL',
    bars: variants
      .filter(({ name }) => !name.startsWith('floor'))
      .map(({ name, steady }) => ({
        label: FULL_NAMES[name] ?? name,
        isOurs: name.startsWith('afterword'),
        ...summary(ratios(steady.map(rateOf), steady.length === floor.length ? floor : beside)),
      })),
  }
}
