/**
 * What other requests notice of a task that computes: one server under a steady load, beside which such tasks run one after
 * the other all through the slice, in a thread, in a child process, or on the event loop; or none does. The slices take turns.
 */
import type { BlockingAsk, BlockingSettings, Burnt } from './blocking-server.ts'
import type { Runs } from './blocking-tasks.ts'
import { Child } from './child.ts'
import { Field, OURS } from './contenders.ts'
import type { GroupResult, LoadOrder, LoadResult } from './load.ts'
import type { Figure, Report, Row } from './report.ts'
import { type BenchSettings, warmUpsOf } from './settings.ts'
import { median, ratios, turn } from './statistics.ts'

/**
 * A request each millisecond. The task takes a core; server and generator together need a fraction of one for that many, so
 * that on two cores a p99 shows what the task does to answers, and no queue of requests for which there is no time at all.
 */
const PER_SECOND = 1000
const CONNECTIONS = 8

/** One task computes for this long, in milliseconds; where a slice is shorter, as long as that. */
const TASK_MS = 2000
/** Below this share of a slice the task was not beside all of it. */
const BUSY_MIN = 0.95

/** What runs beside the load. On the ring of turns those stand side by side that are compared. */
const RING = ['again', 'none', 'thread', 'process', 'loop'] as const
type Beside = (typeof RING)[number]

const SAYS: Readonly<Record<Beside, string>> = {
  none: 'no task',
  again: 'no task, the same again',
  thread: 'a task in a thread',
  process: 'a task in a child process',
  loop: 'a task on the event loop',
}

/** What one slice measured. */
interface Slice {
  readonly load: GroupResult
  readonly generatorBusy: number
  readonly burnt: Burnt | undefined
}

/** The benchmark. */
export async function benchBlocking(settings: BenchSettings): Promise<Report> {
  const field = await Field.open({ peers: false })
  const { child: generator } = await Child.start('./load.ts', [])
  const place = await field.place(OURS.power)
  const started: BlockingSettings = { place, taskMs: Math.min(TASK_MS, settings.seconds * 1000) }
  const { child, ready } = await Child.start<{ port: number }>('./blocking-server.ts', [JSON.stringify(started)])
  const slices = Object.fromEntries(RING.map((beside) => [beside, []])) as unknown as Record<Beside, Slice[]>
  try {
    const warmUps = warmUpsOf(settings)
    for (let round = -warmUps; round < settings.rounds; round++) {
      for (const beside of turn(RING, round + warmUps)) {
        const runs = beside === 'none' || beside === 'again' ? undefined : beside
        const measured = await slice(runs, ready.port, child, generator, settings)
        if (round >= 0) slices[beside].push(measured)
      }
    }
  } finally {
    await child.stop()
    await generator.stop()
    await field.close()
  }
  return {
    bench: 'blocking',
    figures: figuresOf(slices),
    tables: [
      {
        title: `${PER_SECOND} requests/s over ${CONNECTIONS} connections, medians over the rounds`,
        rows: RING.map((beside) => rowOf(SAYS[beside], slices[beside])),
      },
    ],
    skipped: [],
    wrong: RING.flatMap((beside) => slices[beside].flatMap((slice) => wrongOf(beside, slice))),
    doubts: RING.flatMap((beside) => doubtsOf(beside, slices[beside])),
  }
}

async function slice(
  runs: Runs | undefined,
  port: number,
  server: Child,
  generator: Child,
  settings: BenchSettings,
): Promise<Slice> {
  const ms = settings.seconds * 1000
  const groups = [{ path: '/plain', connections: CONNECTIONS, perSecond: PER_SECOND }]
  const order: LoadOrder = { port, ms, settleMs: ms / 8, groups }
  if (runs !== undefined) await server.ask({ ask: 'burn', runs } satisfies BlockingAsk)
  const { groups: results, busy } = await generator.ask<LoadResult>(order)
  const burnt = runs && (await server.ask<Burnt>({ ask: 'rest' } satisfies BlockingAsk))
  return { load: results[0]!, generatorBusy: busy, burnt }
}

function figuresOf(slices: Readonly<Record<Beside, readonly Slice[]>>): Figure[] {
  const p99s = (beside: Beside): number[] => slices[beside].map(({ load }) => load.p99Ms)
  const figure = (name: string, says: string, beside: Beside): Figure => ({
    key: `blocking.${name}`,
    says,
    rounds: ratios(p99s(beside), p99s('none')),
  })
  return [
    figure('thread_p99_ratio', 'p99 beside a task in a thread to none', 'thread'),
    figure('process_p99_ratio', 'p99 beside the same task in a child process to none', 'process'),
    figure('loop_p99_ratio', 'p99 beside the same task on the event loop to none', 'loop'),
    figure('control', 'p99 without a task to the same again: what noise alone makes of a ratio', 'again'),
  ]
}

function rowOf(beside: string, slices: readonly Slice[]): Row {
  const middle = (of: (load: GroupResult) => number): number =>
    Number(median(slices.map(({ load }) => of(load))).toFixed(2))
  return {
    beside,
    'answers/s': Math.round(middle(({ perSecond }) => perSecond)),
    'p50 ms': middle(({ p50Ms }) => p50Ms),
    'p99 ms': middle(({ p99Ms }) => p99Ms),
  }
}

function wrongOf(beside: Beside, { load, burnt }: Slice): string[] {
  return [
    ...(load.failed > 0 ? [`blocking: ${load.failed} requests failed beside ${SAYS[beside]}`] : []),
    ...(burnt === undefined || burnt.ended > 0 ? [] : [`blocking: there never was ${SAYS[beside]}`]),
    ...(burnt === undefined || burnt.failed === 0 ? [] : [`blocking: ${SAYS[beside]} failed`]),
  ]
}

function doubtsOf(beside: Beside, slices: readonly Slice[]): string[] {
  const [busy, generatorBusy] = [
    slices.map(({ burnt }) => burnt?.busy ?? 1),
    slices.map((slice) => slice.generatorBusy),
  ]
  const share = median(busy)
  return [
    ...(share < BUSY_MIN ? [`beside ${SAYS[beside]}: it ran ${Math.round(share * 100)} % of the time only`] : []),
    ...(median(generatorBusy) > 0.5 ? [`beside ${SAYS[beside]}: the load generator used half a core`] : []),
  ]
}
