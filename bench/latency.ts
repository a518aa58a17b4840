/**
 * How long a task waits on an idle machine before it starts. In the same process: one request at a time, from the moment its
 * answer was sent, and from its add. From another process: one adds, the other runs, both know the machine's clock.
 */
import { Child } from './child.ts'
import { Field, OURS, PEERS, SERVER_FLOORS } from './contenders.ts'
import type { ServerSettings, TaskTimes } from './http-server.ts'
import type { LoadOrder, LoadResult } from './load.ts'
import type { PeerSettings } from './peer-process.ts'
import { type Driver, type Place, wait } from './peer.ts'
import type { Figure, Report, Row } from './report.ts'
import type { BenchSettings } from './settings.ts'
import type { Ask } from './slice.ts'
import { median, percentile } from './statistics.ts'
import { type ServerKind, VARIANT_NAMES } from './variants.ts'

/** Samples a second: seldom enough that everything is idle in between. */
const PER_SECOND = 40

/** One way from an add to a start, and what was seen of it round by round. */
interface Way {
  readonly name: string
  readonly rounds: { readonly sinceSent: number[]; readonly sinceAdded: number[] }[]
  sample(samples: number): Promise<{ sinceSent: number[]; sinceAdded: number[] }>
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** The benchmark. */
export async function benchLatency(settings: BenchSettings): Promise<Report> {
  const field = await Field.open(settings)
  const { child: generator } = await Child.start('./load.ts', [])
  const [same, other]: [Way[], Way[]] = [[], []]
  const wrong: string[] = []
  try {
    for (const kind of ['power', 'process', 'volatile'] as const) {
      same.push(await sameProcess(await field.place(OURS.power), generator, kind))
    }
    for (const driver of [OURS.power, OURS.processOnly]) {
      other.push(await otherProcess(await field.place(driver), driver))
    }
    await field.each(PEERS, async (driver) => {
      same.push(await sameProcess(await field.place(driver), generator, 'peer', driver))
      other.push(await otherProcess(await field.place(driver), driver))
    })
    // For context: what a message through a server, and the machine's own noise, cost.
    await field.each(SERVER_FLOORS, async (driver) => {
      other.push(await otherProcess(await field.place(driver), driver))
    })
    for (const way of [...same, ...other]) way.pause()
    const samples = Math.max(5, Math.round(settings.seconds * PER_SECOND))
    for (let round = -1; round < settings.rounds; round++) {
      for (const way of [...same, ...other]) await measure(way, round < 0 ? 10 : samples, round >= 0, wrong)
    }
    return {
      bench: 'latency',
      figures: figuresOf(same[0]!, other[0]!),
      tables: [
        { title: 'Same process, one request at a time, ms', rows: same.flatMap((way) => sameRows(way)) },
        {
          title: 'From one process to another, add to start, ms',
          rows: other.map((way) => row(way.name, allOf(way, 'sinceAdded'))),
        },
      ],
      skipped: field.skipped,
      wrong,
      doubts: [],
    }
  } finally {
    for (const way of [...same, ...other]) await way.stop()
    await generator.stop()
    await field.close()
  }
}

async function sameProcess(place: Place, generator: Child, kind: ServerKind, driver?: Driver): Promise<Way> {
  const settings: ServerSettings = { kind, place, ...(driver === undefined ? {} : { driver: driver.name }) }
  const { child, ready } = await Child.start<{ port: number }>('./http-server.ts', [JSON.stringify(settings)])
  return {
    name: kind === 'peer' ? driver!.name : VARIANT_NAMES[kind],
    rounds: [],
    async sample(samples) {
      const ms = (samples / PER_SECOND) * 1000
      const groups = [{ path: '/timed', connections: 1, perSecond: PER_SECOND }]
      const order: LoadOrder = { port: ready.port, ms, settleMs: 0, groups }
      const { failed } = (await generator.ask<LoadResult>(order)).groups[0]!
      if (failed > 0) throw new Error(`${failed} requests failed`)
      const times = await child.ask<TaskTimes[]>({ ask: 'times' })
      const unseen = times.filter(({ sentMs, startedMs }) => Number.isNaN(startedMs + sentMs)).length
      if (unseen > 0) throw new Error(`${unseen} of ${times.length} tasks acknowledged did not run`)
      return {
        sinceSent: times.map(({ sentMs, startedMs }) => startedMs - sentMs),
        sinceAdded: times.map(({ startedMs }) => startedMs),
      }
    },
    pause: () => child.pause(),
    resume: () => child.resume(),
    stop: () => child.stop(),
  }
}

async function otherProcess(place: Place, driver: Driver): Promise<Way> {
  const start = async (works: boolean): Promise<Child> => {
    const settings: PeerSettings = { driver: driver.name, place, works, counts: false }
    return (await Child.start('./peer-process.ts', [JSON.stringify(settings)])).child
  }
  const [adder, worker] = [await start(false), await start(true)]
  return {
    name: driver.name,
    rounds: [],
    async sample(samples) {
      const add: Ask = { do: 'add', samples, everyMs: 1000 / PER_SECOND }
      await adder.ask(add)
      const waited: number[] = []
      for (let looks = 0; looks < 200 && waited.length < samples; looks++) {
        waited.push(...(await worker.ask<number[]>({ do: 'waited' } satisfies Ask)))
        if (waited.length < samples) await wait(25)
      }
      if (waited.length !== samples) throw new Error(`${samples} tasks acknowledged, ${waited.length} ran`)
      return { sinceSent: [], sinceAdded: waited }
    },
    pause: () => [adder, worker].forEach((child) => child.pause()),
    resume: () => [adder, worker].forEach((child) => child.resume()),
    stop: async () => {
      await adder.stop()
      await worker.stop()
    },
  }
}

async function measure(way: Way, samples: number, counts: boolean, wrong: string[]): Promise<void> {
  way.resume()
  // What was held for long has timers to catch up with.
  await wait(50)
  try {
    const seen = await way.sample(samples)
    if (counts) way.rounds.push(seen)
  } catch (error) {
    wrong.push(`${way.name}: ${(error as Error).message}`)
  }
  way.pause()
}

function allOf(way: Way, what: 'sinceSent' | 'sinceAdded'): number[] {
  return way.rounds.flatMap((round) => round[what])
}

function quantileOf(values: readonly number[], share: number): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    share,
  )
}

function figuresOf(same: Way, other: Way): Figure[] {
  const figure = (key: string, says: string, way: Way, what: 'sinceSent' | 'sinceAdded', share: number): Figure => ({
    key,
    says,
    rounds: way.rounds.map((round) => quantileOf(round[what], share)),
    overall: quantileOf(allOf(way, what), share),
  })
  return [
    figure('latency.same_process_p50_ms', 'answer sent to task start', same, 'sinceSent', 0.5),
    figure('latency.other_process_p99_ms', 'add to start in another process', other, 'sinceAdded', 0.99),
  ]
}

function sameRows(way: Way): Row[] {
  return [
    row(`${way.name}, after the answer was sent`, allOf(way, 'sinceSent')),
    row(`${way.name}, after the add`, allOf(way, 'sinceAdded')),
  ]
}

function row(what: string, values: readonly number[]): Row {
  const digits = (value: number): number => Number(value.toFixed(3))
  return {
    what,
    samples: values.length,
    p50: digits(median(values)),
    p99: digits(quantileOf(values, 0.99)),
    max: digits(Math.max(...values)),
  }
}
