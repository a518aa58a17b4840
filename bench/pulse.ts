/**
 * What the pulse thread costs while nothing blocks: a server with a durable task in each request, with and without it. Both are in
 * one process and take turns, so that neither its luck with memory nor the machine's moods favour one of them.
 */
import { Child } from './child.ts'
import { Field, OURS } from './contenders.ts'
import type { GroupResult, LoadOrder, LoadResult } from './load.ts'
import type { PulseAccount, PulsePorts, PulseSettings } from './pulse-server.ts'
import type { Report, Row } from './report.ts'
import { type BenchSettings, warmUpsOf } from './settings.ts'
import { median, ratios, turn } from './statistics.ts'

const CONNECTIONS = 64

/** On the ring of turns those stand side by side that are compared. */
const RING = ['again', 'unwatched', 'watched'] as const
type Kind = (typeof RING)[number]

const SAYS: Readonly<Record<Kind, string>> = {
  watched: 'with a pulse thread',
  unwatched: 'without',
  again: 'without, the same again',
}

/** What one slice measured. */
interface Slice {
  readonly load: GroupResult
  readonly cpuMicros: number
}

/** The benchmark. */
export async function benchPulse(settings: BenchSettings): Promise<Report> {
  const field = await Field.open({ peers: false })
  const { child: generator } = await Child.start('./load.ts', [])
  const places: PulseSettings = { watched: await field.place(OURS.power), unwatched: await field.place(OURS.power) }
  const { child, ready: ports } = await Child.start<PulsePorts>('./pulse-server.ts', [JSON.stringify(places)])
  const slices: Record<Kind, Slice[]> = { watched: [], unwatched: [], again: [] }
  try {
    const warmUps = warmUpsOf(settings)
    for (let round = -warmUps; round < settings.rounds; round++) {
      for (const kind of turn(RING, round + warmUps)) {
        const port = kind === 'watched' ? ports.watched : ports.unwatched
        const measured = await slice(port, child, generator, settings)
        if (round >= 0) slices[kind].push(measured)
      }
    }
  } finally {
    await child.stop()
    await generator.stop()
    await field.close()
  }
  const rates = (kind: Kind): number[] => slices[kind].map(({ load }) => load.perSecond)
  return {
    bench: 'pulse',
    figures: [
      {
        key: 'pulse.watched_vs_unwatched',
        says: 'requests/s with a pulse thread to those without',
        rounds: ratios(rates('watched'), rates('unwatched')),
      },
      {
        key: 'pulse.control',
        says: 'requests/s without it to the same again: what noise alone makes of a ratio',
        rounds: ratios(rates('again'), rates('unwatched')),
      },
    ],
    tables: [
      {
        title: `${CONNECTIONS} connections, one durable task a request, medians over the rounds`,
        rows: RING.map((kind) => rowOf(SAYS[kind], slices[kind])),
      },
    ],
    skipped: [],
    wrong: RING.flatMap((kind) => slices[kind].filter(({ load }) => load.failed > 0)).map(
      ({ load }) => `pulse: ${load.failed} requests failed`,
    ),
    doubts: [],
  }
}

async function slice(port: number, server: Child, generator: Child, settings: BenchSettings): Promise<Slice> {
  const ms = settings.seconds * 1000
  const order: LoadOrder = { port, ms, settleMs: ms / 8, groups: [{ path: '/', connections: CONNECTIONS }] }
  const before = await server.ask<PulseAccount>({ ask: 'settle' })
  const { groups } = await generator.ask<LoadResult>(order)
  const after = await server.ask<PulseAccount>({ ask: 'settle' })
  return { load: groups[0]!, cpuMicros: (after.cpuMicros - before.cpuMicros) / groups[0]!.answered }
}

function rowOf(says: string, slices: readonly Slice[]): Row {
  const middle = (of: (slice: Slice) => number): number => Number(median(slices.map(of)).toFixed(2))
  return {
    server: says,
    'requests/s': Math.round(middle(({ load }) => load.perSecond)),
    'p50 ms': middle(({ load }) => load.p50Ms),
    'p99 ms': middle(({ load }) => load.p99Ms),
    'CPU µs a request': middle(({ cpuMicros }) => cpuMicros),
  }
}
