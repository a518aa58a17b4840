/**
 * What an attempt costs that writes through `context.session`, against the same attempt with `BEGIN … COMMIT` by hand. All ways to
 * write are tasks of one process with one store and one database, and take turns: neither its luck with memory nor the machine's
 * moods favour one of them.
 */
import { Child } from './child.ts'
import { Field, LEFT_OUT, OURS } from './contenders.ts'
import type { Figure, Report, Row, Table } from './report.ts'
import { findPostgres } from './servers.ts'
import {
  type SessionAsk,
  type SessionResult,
  type SessionSettings,
  type SiteName,
  type Way,
  WAYS,
} from './session-slice.ts'
import { type BenchSettings, warmUpsOf } from './settings.ts'
import { median, ratios, turn } from './statistics.ts'

/** Attempts in the first slice of a way to write: enough to see how many fill a slice. */
const TASKS_FIRST = 50
/** And at most: what waits to be written has its bound. */
const TASKS_MAX = 5_000

const SITES: Readonly<Record<SiteName, { readonly key: string; readonly says: string }>> = {
  store: { key: 'overhead', says: "in the store's file" },
  file: { key: 'file_overhead', says: 'in another SQLite file' },
  postgres: { key: 'postgres_overhead', says: 'in Postgres' },
}

const SAYS: Readonly<Record<Way, string>> = {
  none: 'nothing is written',
  again: 'by hand, the same again',
  byHand: 'by hand',
  session: 'through the session',
  onceByHand: 'by hand, with a row that lets it through once',
}

/** One slice, for each attempt. */
interface Slice {
  readonly micros: number
  readonly cpuMicros: number
}

type Slices = Readonly<Record<Way, Slice[]>>

/** The benchmark. */
export async function benchSession(settings: BenchSettings): Promise<Report> {
  const field = await Field.open({ peers: false })
  const skipped: { what: string; reason: string }[] = []
  const measured = new Map<SiteName, Slices>()
  const wrong: string[] = []
  try {
    for (const site of ['store', 'file', 'postgres'] as const) {
      const postgres = site === 'postgres' ? await postgresOr(settings) : ''
      if (postgres instanceof Error) skipped.push({ what: 'sessions in Postgres', reason: postgres.message })
      else measured.set(site, await measure(site, postgres, field, settings, wrong))
    }
  } finally {
    await field.close()
  }
  return {
    bench: 'session',
    figures: [...measured].flatMap(([site, slices]) => figuresOf(site, slices)),
    tables: [...measured].map(([site, slices]) => tableOf(site, slices)),
    skipped,
    wrong,
    doubts: [],
  }
}

async function postgresOr({ peers }: BenchSettings): Promise<string | Error> {
  return peers ? findPostgres() : new Error(LEFT_OUT)
}

async function measure(
  site: SiteName,
  postgres: string,
  field: Field,
  settings: BenchSettings,
  wrong: string[],
): Promise<Slices> {
  const place = { ...(await field.place(OURS.power)), postgres }
  const started: SessionSettings = { site, place }
  const { child } = await Child.start('./session-process.ts', [JSON.stringify(started)])
  const slices: Slices = { none: [], again: [], byHand: [], session: [], onceByHand: [] }
  const tasks = new Map<Way, number>()
  try {
    const warmUps = warmUpsOf(settings)
    for (let round = -warmUps; round < settings.rounds; round++) {
      for (const way of turn(WAYS, round + warmUps)) {
        const ask: SessionAsk = { way, tasks: tasks.get(way) ?? TASKS_FIRST }
        const { ms, cpuMicros, rowsOff } = await child.ask<SessionResult>(ask)
        if (rowsOff !== 0) wrong.push(`session, ${SITES[site].says}, ${SAYS[way]}: ${rowsOff} rows beyond one for each`)
        // As many as fill a slice at the pace of the last one.
        const fills = Math.ceil((ask.tasks / ms) * settings.seconds * 1000)
        if (round < 0) tasks.set(way, Math.min(TASKS_MAX, Math.max(TASKS_FIRST, fills)))
        else slices[way].push({ micros: (ms * 1000) / ask.tasks, cpuMicros: cpuMicros / ask.tasks })
      }
    }
  } finally {
    await child.stop()
  }
  return slices
}

function figuresOf(site: SiteName, slices: Slices): Figure[] {
  const { key, says } = SITES[site]
  const pair = (key: string, says: string, way: Way, to: Way): Figure[] => [
    { key: `session.${key}`, says, rounds: ratios(slices[way].map(costOf), slices[to].map(costOf)) },
    {
      key: `session.${key}.cpu`,
      says: `${says}, by CPU time`,
      rounds: ratios(slices[way].map(cpuOf), slices[to].map(cpuOf)),
    },
  ]
  return [
    ...pair(key, `an attempt with a session ${says} ÷ by hand`, 'session', 'byHand'),
    ...pair(`${key}_once`, `the same ÷ by hand with a row that lets it through once`, 'session', 'onceByHand'),
    ...pair(
      `${key}_control`,
      `by hand, ${says} ÷ the same again: what noise alone makes of a ratio`,
      'again',
      'byHand',
    ),
  ]
}

const costOf = ({ micros }: Slice): number => micros
const cpuOf = ({ cpuMicros }: Slice): number => cpuMicros

function tableOf(site: SiteName, slices: Slices): Table {
  const middle = (values: readonly number[]): number => Number(median(values).toFixed(1))
  return {
    title: `An attempt that writes a row ${SITES[site].says}, medians over the rounds`,
    rows: WAYS.map((way): Row => {
      const micros = middle(slices[way].map(costOf))
      return {
        'an attempt': SAYS[way],
        µs: micros,
        'CPU µs': middle(slices[way].map(cpuOf)),
        'attempts/s': Math.round(1e6 / micros),
      }
    }),
  }
}
