import { cpus, totalmem } from 'node:os'
import type { Skipped } from './contenders.ts'
import { type BenchName, keeps, TARGETS, targetOf } from './figures.ts'
import { type Summary, summary } from './statistics.ts'

/** One figure under its key: its value in each round, or in the whole run when rounds would say less. */
export interface Figure {
  readonly key: string
  readonly says: string
  readonly rounds: readonly number[]
  /** The value of the whole run, where it is not the median over the rounds: a p99 over all samples. */
  readonly overall?: number
}

/** A line of plain measurements. */
export type Row = Readonly<Record<string, string | number>>

/** A table of plain measurements: absolute, and true for this machine and hour only. */
export interface Table {
  readonly title: string
  readonly rows: readonly Row[]
}

/** Who took part. */
export interface Contender {
  readonly name: string
  readonly version: string
  readonly survives: string
  readonly says: string
}

/** Bars beside each other, each relative to the same one in the same round. */
export interface Chart {
  readonly title: string
  readonly bars: readonly (Summary & { readonly label: string; readonly isOurs: boolean })[]
}

/** What a benchmark found. */
export interface Report {
  readonly bench: BenchName
  readonly figures: readonly Figure[]
  readonly tables: readonly Table[]
  readonly charts?: readonly Chart[]
  readonly contenders?: readonly Contender[]
  readonly skipped: readonly Skipped[]
  /** What must not happen and did: lost or doubled tasks, failed requests. */
  readonly wrong: readonly string[]
  /** What makes the figures less sure: a load generator that was the slower side. */
  readonly doubts: readonly string[]
}

/** Where and with what the figures were measured. */
export interface Machine {
  readonly node: string
  readonly cores: number
  readonly cpu: string
  readonly memoryGiB: number
}

/** This machine. */
export function machine(): Machine {
  return {
    node: process.versions.node,
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
}

/** The value that a figure stands for. */
export function valueOf(figure: Figure): number {
  return figure.overall ?? summary(figure.rounds).median
}

/** The keys of the figures that do not keep their bound. */
export function below(reports: readonly Report[]): string[] {
  return reports
    .flatMap(({ figures }) => figures)
    .filter((figure) => {
      const target = targetOf(figure.key)
      return target !== undefined && !keeps(target, valueOf(figure))
    })
    .map(({ key }) => key)
}

/**
 * What `--json` prints: each key with its median, and `.min`, `.max`, `.q1`, `.q3` over the rounds. A figure with a bound
 * that could not be measured is null, and `skipped` says why.
 */
export function toJson(reports: readonly Report[]): Readonly<Record<string, unknown>> {
  const json: Record<string, unknown> = { bench: reports.map(({ bench }) => bench).join(','), ...machine() }
  for (const [key, { bench }] of Object.entries(TARGETS)) {
    if (reports.some((report) => report.bench === bench)) json[key] = null
  }
  for (const figure of reports.flatMap(({ figures }) => figures)) {
    const { min, max, q1, q3 } = summary(figure.rounds)
    json[figure.key] = round(valueOf(figure))
    for (const [name, value] of Object.entries({ min, max, q1, q3 })) json[`${figure.key}.${name}`] = round(value)
  }
  const merged = <K extends 'skipped' | 'wrong' | 'doubts'>(key: K): Report[K][number][] =>
    reports.flatMap((report): Report[K][number][] => [...report[key]])
  return {
    ...json,
    below: below(reports),
    skipped: merged('skipped'),
    doubts: merged('doubts'),
    wrong: merged('wrong'),
  }
}

/** Prints the tables and figures of one benchmark. */
export function printReport(report: Report): void {
  const { node, cores } = machine()
  console.log(`\n# ${report.bench}, Node ${node}, ${cores} cores`)
  for (const { title, rows } of report.tables) {
    console.log(`\n${title}`)
    console.table(rows)
  }
  console.log('\n| figure | median | quartiles | range | bound | goal |\n| --- | --- | --- | --- | --- | --- |')
  for (const figure of report.figures) console.log(figureLine(figure))
  for (const { what, reason } of report.skipped) console.log(`skipped: ${what}: ${reason}`)
  for (const doubt of report.doubts) console.log(`doubtful: ${doubt}`)
  for (const key of below([report])) console.log(`below its bound: ${key}`)
  for (const wrong of report.wrong) console.error(`WRONG: ${wrong}`)
}

function figureLine(figure: Figure): string {
  const { q1, q3, min, max } = summary(figure.rounds)
  const target = targetOf(figure.key)
  const span = (from: number, to: number): string => `${shown(from)} to ${shown(to)}`
  const goal = target?.goal === undefined ? '' : String(target.goal)
  const cells = [shown(valueOf(figure)), span(q1, q3), span(min, max), boundText(target), goal]
  return `| \`${figure.key}\` | ${cells.join(' | ')} |`
}

function boundText(target: ReturnType<typeof targetOf>): string {
  if (target === undefined) return ''
  return 'atLeast' in target.bound ? `≥ ${target.bound.atLeast}` : `≤ ${target.bound.atMost}`
}

/** Three digits that count. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

function round(value: number): number {
  return Number(value.toPrecision(4))
}
