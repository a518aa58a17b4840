import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Child } from './child.ts'
import { type Field, OURS, type Skipped } from './contenders.ts'
import type { ServerAccount, ServerSettings } from './http-server.ts'
import type { GroupResult, LoadGroup, LoadResult } from './load.ts'
import type { Figure, Table } from './report.ts'
import type { BenchSettings } from './settings.ts'
import { median, ratios } from './statistics.ts'

const SYNC_US = '5000'
/** As in the whole benchmark 64 connections: some that want an answer, the others busy. */
const [BYSTANDERS, OTHERS] = [8, 56]

/** What it found. */
export interface Bystander {
  readonly figures: readonly Figure[]
  readonly tables: readonly Table[]
  readonly skipped: readonly Skipped[]
  readonly wrong: readonly string[]
}

/**
 * What requests without a task notice when others write tasks to a slow disk: one server whose every sync takes 5 ms longer,
 * and in turns the others write a task each, none, or none at no higher rate than they could write tasks.
 */
export async function benchBystander(field: Field, settings: BenchSettings, generator: Child): Promise<Bystander> {
  const shim = buildShim(field.path('slow-disk.so'))
  if (typeof shim !== 'string') return { figures: [], tables: [], skipped: [shim], wrong: [] }
  const started: ServerSettings = { kind: 'power', place: await field.place(OURS.power) }
  const { child, ready } = await Child.start<{ port: number }>('./http-server.ts', [JSON.stringify(started)], {
    env: { LD_PRELOAD: shim, SYNC_US },
  })
  const wrong: string[] = []
  const slice = async (others: LoadGroup): Promise<[bystanders: GroupResult, others: GroupResult]> => {
    // A p99 needs more answers than a rate does.
    const ms = settings.seconds * 2000
    const groups = [{ path: '/plain', connections: BYSTANDERS }, others]
    const result = await generator.ask<LoadResult>({ port: ready.port, ms, settleMs: ms / 8, groups })
    const account = await child.ask<ServerAccount>({ ask: 'settle' })
    const failed = result.groups.reduce((sum, group) => sum + group.failed, 0)
    if (failed > 0) wrong.push(`bystander: ${failed} requests failed`)
    if (account.ran !== account.added || account.doubled > 0) {
      wrong.push(`bystander: ${account.added} tasks acknowledged, ${account.ran} ran, ${account.doubled} twice`)
    }
    return result.groups as [GroupResult, GroupResult]
  }
  const seen = { tasks: [] as number[], none: [] as number[], paced: [] as number[] }
  const rates: number[] = []
  try {
    const rounds = Math.ceil(settings.rounds / 2)
    for (let round = -1; round < rounds; round++) {
      const [withTasks, writers] = await slice({ path: '/', connections: OTHERS })
      const [without] = await slice({ path: '/plain', connections: OTHERS })
      const [paced] = await slice({ path: '/plain', connections: OTHERS, perSecond: Math.max(1, writers.perSecond) })
      if (round < 0) continue
      seen.tasks.push(withTasks.p99Ms)
      seen.none.push(without.p99Ms)
      seen.paced.push(paced.p99Ms)
      rates.push(writers.perSecond)
    }
  } finally {
    await child.stop()
  }
  const row = (others: string, values: readonly number[]): Table['rows'][number] => ({
    others,
    'p99 ms of requests without a task': Number(median(values).toFixed(2)),
  })
  return {
    skipped: [],
    wrong,
    figures: [
      {
        key: 'http.bystander_p99',
        says: 'p99 without a task, others writing tasks to others writing none',
        rounds: ratios(seen.tasks, seen.none),
      },
      {
        key: 'http.bystander_p99_same_rate',
        says: 'the same to others that ask no more often than the writers could',
        rounds: ratios(seen.tasks, seen.paced),
      },
    ],
    tables: [
      {
        title: `A disk that takes 5 ms more for a sync: ${BYSTANDERS} connections without a task beside ${OTHERS} others`,
        rows: [
          row(`write a task each, ${Math.round(median(rates))}/s`, seen.tasks),
          row('no task, as many as are answered', seen.none),
          row('no task, as many as the writers were', seen.paced),
        ],
      },
    ],
  }
}

/** Compiles the shim; where there is no compiler, or no Linux, it says so. */
function buildShim(target: string): string | Skipped {
  const what = 'http.bystander_p99'
  if (process.platform !== 'linux') return { what, reason: 'syncs can be slowed on Linux only' }
  const source = fileURLToPath(new URL('./slow-disk.c', import.meta.url))
  const { status, error, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-O2', '-o', target, source, '-ldl'], {
    encoding: 'utf8',
  })
  if (error !== undefined) return { what, reason: 'there is no C compiler (cc)' }
  return status === 0 ? target : { what, reason: `cc failed: ${stderr.trim().split('\n')[0]}` }
}
