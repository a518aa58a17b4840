import { cpus } from 'node:os'

/** One figure under its key: the median over the rounds, and the rounds themselves. */
export interface Figure {
  readonly key: string
  readonly says: string
  readonly rounds: readonly number[]
  /** The bound of the design that it must keep. */
  readonly atLeast: number
  readonly goal: number
}

/** What a benchmark found. */
export interface Report {
  readonly name: string
  readonly figures: readonly Figure[]
  /** Plain measurements beside the ratios: absolute, and true for this machine and hour only. */
  readonly table: readonly Readonly<Record<string, string | number>>[]
  /** What must not happen and did: lost or doubled tasks, failed requests. */
  readonly wrong: readonly string[]
}

/** The middle of the sorted values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The value below which that share of the sorted values lies. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

/** Ratios of two measurements round by round: noise that both saw cancels out. */
export function ratios(above: readonly number[], below: readonly number[]): number[] {
  return above.map((value, round) => value / below[round]!)
}

/** Prints the tables; with `json` one object on the last line. */
export function printReport(report: Report, json: boolean): void {
  console.log(`\n${report.name}, Node ${process.versions.node}, ${cpus().length} cores\n`)
  console.table(report.table)
  console.log('| figure | median | lowest to highest round | at least | goal |\n| --- | --- | --- | --- | --- |')
  for (const { key, rounds, atLeast, goal } of report.figures) {
    const spread = `${two(Math.min(...rounds))} to ${two(Math.max(...rounds))}`
    console.log(`| \`${key}\` | ${two(median(rounds))} | ${spread} | ${atLeast} | ${goal} |`)
  }
  for (const wrong of report.wrong) console.error(`WRONG: ${wrong}`)
  if (!json) return
  const figures = Object.fromEntries(
    report.figures.flatMap(({ key, rounds }) => [
      [key, three(median(rounds))],
      [`${key}.min`, three(Math.min(...rounds))],
      [`${key}.max`, three(Math.max(...rounds))],
    ]),
  )
  console.log(JSON.stringify({ bench: report.name, ...figures, wrong: report.wrong.length }))
}

function two(value: number): string {
  return value.toFixed(2)
}

function three(value: number): number {
  return Math.round(value * 1000) / 1000
}
