import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BenchName, targetOf } from './figures.ts'
import { type Machine, machine, type Report, valueOf } from './report.ts'
import type { BenchSettings } from './settings.ts'
import { type Summary, summary } from './statistics.ts'

const FILE = fileURLToPath(new URL('./results/latest.json', import.meta.url))

/** One figure as it is kept. */
export interface SavedFigure extends Summary {
  readonly key: string
  readonly says: string
  readonly value: number
  /** The bound of the design, such as `≥ 0.55`, where there is one. */
  readonly bound?: string
  readonly goal?: number
  readonly isKept?: boolean
}

/** The results of one benchmark as they are kept. */
export interface SavedReport extends Omit<Report, 'figures' | 'bench'> {
  readonly measuredOn: string
  readonly machine: Machine
  readonly settings: Omit<BenchSettings, 'peersEvery'>
  readonly figures: readonly SavedFigure[]
}

/** Puts the results of a benchmark in the place of those of its last run; docs/performance.md is made from the file. */
export function save(report: Report, settings: BenchSettings): void {
  const kept = existsSync(FILE)
    ? (JSON.parse(readFileSync(FILE, 'utf8')) as Partial<Record<BenchName, SavedReport>>)
    : {}
  const { bench, figures, ...rest } = report
  const { peersEvery: _, ...shown } = settings
  const saved = {
    measuredOn: new Date().toISOString().slice(0, 10),
    machine: machine(),
    settings: shown,
    ...rest,
    figures: figures.map(savedFigure),
  }
  mkdirSync(dirname(FILE), { recursive: true })
  writeFileSync(FILE, `${JSON.stringify({ ...kept, [bench]: saved }, undefined, 2)}\n`)
}

function savedFigure(figure: Report['figures'][number]): SavedFigure {
  const { key, says } = figure
  const target = targetOf(key)
  const rounded = (value: number): number => Number(value.toPrecision(4))
  const { median, q1, q3, min, max } = summary(figure.rounds)
  const value = valueOf(figure)
  const spread = { median: rounded(median), q1: rounded(q1), q3: rounded(q3), min: rounded(min), max: rounded(max) }
  if (target === undefined) return { key, says, value: rounded(value), ...spread }
  const isAtLeast = 'atLeast' in target.bound
  const bound = isAtLeast ? target.bound.atLeast : target.bound.atMost
  return {
    key,
    says: target.says,
    value: rounded(value),
    ...spread,
    bound: `${isAtLeast ? '≥' : '≤'} ${bound}`,
    ...('goal' in target && target.goal !== undefined ? { goal: target.goal } : {}),
    isKept: isAtLeast ? value >= bound : value <= bound,
  }
}
