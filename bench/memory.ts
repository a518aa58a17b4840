/** What a worker holds in memory: after its start, after many tasks, and beside a million that wait. */
import { tasksFile } from './afterword.ts'
import { Child } from './child.ts'
import { Field, OURS } from './contenders.ts'
import { fillStore } from './fill.ts'
import type { PeerSettings } from './peer-process.ts'
import { taskInput } from './peer.ts'
import type { Report, Row } from './report.ts'
import type { BenchSettings } from './settings.ts'
import type { Ask, SliceResult, Usage } from './slice.ts'
import { slope } from './statistics.ts'

const ADDERS = 256
const MIB = 2 ** 20

/** The benchmark: a sample after each of `rounds` slices of `seconds`, each taken after a full collection of garbage. */
export async function benchMemory(settings: BenchSettings): Promise<Report> {
  const field = await Field.open({ peers: false })
  const wrong: string[] = []
  try {
    const fresh = await field.place(OURS.power)
    const worker = await start({ driver: OURS.power.name, place: fresh, works: true, counts: false })
    const { child: bare } = await Child.start('./baseline-process.ts', [], { execArgv: ['--expose-gc'] })
    const baseline = await usage(bare)
    await bare.stop()
    const rows: Row[] = [
      rowOf('the same process without Afterword', baseline),
      rowOf('a worker after its start', await usage(worker)),
    ]
    const points: [tasks: number, heapMiB: number][] = []
    let tasks = 0
    for (let round = 0; round < settings.rounds; round++) {
      const ask: Ask = { do: 'steady', ms: settings.seconds * 1000, adders: ADDERS }
      const slice = await worker.ask<SliceResult>(ask)
      if (slice.lost > 0 || slice.doubled > 0) {
        wrong.push(`memory: ${slice.lost} tasks lost, ${slice.doubled} ran twice`)
      }
      tasks += slice.tasks
      const used = await usage(worker)
      points.push([tasks, used.heapBytes / MIB])
      rows.push(rowOf(`after ${tasks} tasks`, used))
    }
    await worker.stop()
    const waiting = settings.seconds < 0.2 ? 50_000 : 1_000_000
    const full = await field.place(OURS.power)
    await fillStore(
      tasksFile(full),
      Array.from({ length: waiting }, (_, index) => taskInput(index + 1)),
    )
    const beside = await start({ driver: OURS.power.name, place: full, works: true, counts: false })
    rows.push(rowOf(`beside ${waiting} waiting tasks, at work on them`, await usage(beside)))
    await beside.stop()
    // What the first slices compile and cache is no slope.
    const settled = points.slice(Math.floor(points.length / 3))
    const perMillion = settled.length > 1 ? slope(settled) * 1e6 : 0
    return {
      bench: 'memory',
      figures: [
        {
          key: 'memory.heap_mib_per_million_tasks',
          says: 'growth of the heap by tasks that have run',
          rounds: [perMillion],
        },
        {
          key: 'memory.rss_mib_after_start',
          says: 'resident after the start, beyond a process without it',
          rounds: [Number(rows[1]!['RSS MiB']) - Number(rows[0]!['RSS MiB'])],
        },
      ],
      tables: [
        {
          title: 'Memory of a worker process, after a full collection of garbage',
          rows,
        },
      ],
      skipped: [],
      wrong,
      doubts: [],
    }
  } finally {
    await field.close()
  }
}

async function start(settings: PeerSettings): Promise<Child> {
  return (await Child.start('./peer-process.ts', [JSON.stringify(settings)], { execArgv: ['--expose-gc'] })).child
}

function usage(child: Child): Promise<Usage> {
  return child.ask<Usage>({ do: 'usage' } satisfies Ask)
}

function rowOf(when: string, { rssBytes, heapBytes }: Usage): Row {
  return { when, 'RSS MiB': Number((rssBytes / MIB).toFixed(1)), 'heap MiB': Number((heapBytes / MIB).toFixed(1)) }
}
