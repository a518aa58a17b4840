import type { Evidence, Violation } from './evidence.ts'
import type { FaultName } from './faults.ts'
import type { Line } from './history.ts'
import { quantile, recoveriesMs } from './recovery.ts'
import type { RunSettings } from './run.ts'

/** Violations that are printed in full; the rest are counted. */
export const SHOWN_MAX = 12
/** How many of a task's last lines are printed. */
const LAST_LINES = 20

/** What a run found, under the keys that `--json` prints. */
export interface Report {
  readonly seed: number
  readonly servers: number
  readonly plant: string | undefined
  readonly seconds: number
  /** Requests that were sent, and tasks that were acknowledged, each once. */
  readonly sent: number
  readonly acknowledged: number
  readonly attempts: number
  readonly lost: number
  readonly duplicates: number
  readonly overlaps: number
  readonly order_violations: number
  readonly kills: number
  readonly faults: Readonly<Record<string, number>>
  /** Workers that others declared dead. */
  readonly rescues: number
  readonly quarantined: number
  readonly recoveries: number
  readonly recovery_ms_p50: number | undefined
  readonly recovery_ms_max: number | undefined
  readonly memory_mb_max: number | undefined
  readonly violations: number
  readonly violations_by_kind: Readonly<Record<string, number>>
  readonly skipped: readonly string[]
  /** Where the history and the database of a run with violations were kept. */
  readonly kept: string | undefined
  /** The first violations, each with the last lines of its task; not part of the JSON. */
  readonly shown: readonly { readonly violation: Violation; readonly lines: readonly Line[] }[]
}

/** What a report is made of. */
export interface ReportParts {
  readonly settings: RunSettings
  readonly evidence: Evidence
  readonly violations: readonly Violation[]
  readonly kills: number
  readonly faults: ReadonlyMap<FaultName, number>
  readonly skipped: readonly string[]
  readonly kept: string | undefined
}

/** Counts, measures and picks what to show. */
export function makeReport({ settings, evidence, violations, kills, faults, skipped, kept }: ReportParts): Report {
  const { lines, final, attempts, planOf } = evidence
  const byKind: Record<string, number> = {}
  for (const { kind } of violations) byKind[kind] = (byKind[kind] ?? 0) + 1
  const acknowledged = new Set(lines.filter((line) => line.what === 'kept').map(({ n }) => n))
  const recoveries = recoveriesMs(evidence)
  const peak = lines.reduce((max, line) => (line.what === 'memory' ? Math.max(max, line.bytes) : max), 0)
  return {
    seed: settings.seed,
    servers: settings.servers,
    plant: settings.plant,
    seconds: Math.round((lines.at(-1)?.at ?? 0) - (lines[0]?.at ?? 0)) / 1_000,
    sent: new Set(lines.filter((line) => line.what === 'sent').map(({ n }) => n)).size,
    acknowledged: [...acknowledged].reduce((sum, n) => sum + planOf(n).length, 0),
    attempts: attempts.values().reduce((sum, list) => sum + list.length, 0),
    lost: byKind['lost'] ?? 0,
    duplicates: byKind['duplicate'] ?? 0,
    overlaps: byKind['overlap'] ?? 0,
    order_violations: byKind['order'] ?? 0,
    kills,
    faults: Object.fromEntries(faults),
    rescues: lines.filter(({ what }) => what === 'rescued').length,
    quarantined: final.tasks.filter(({ state }) => state === 'quarantined').length,
    recoveries: recoveries.length,
    recovery_ms_p50: rounded(quantile(recoveries, 0.5)),
    recovery_ms_max: rounded(quantile(recoveries, 1)),
    memory_mb_max: peak === 0 ? undefined : Math.round(peak / 1024 ** 2),
    violations: violations.length,
    violations_by_kind: byKind,
    skipped,
    kept,
    shown: violations.slice(0, SHOWN_MAX).map((violation) => ({ violation, lines: linesOf(lines, violation.id) })),
  }
}

/** The last lines that name a task. */
export function linesOf(lines: readonly Line[], id: string | undefined): readonly Line[] {
  if (id === undefined) return []
  const names = (line: Line): boolean =>
    ('id' in line && line.id === id) ||
    (line.what === 'kept' && line.ids.includes(id)) ||
    (line.what === 'rescued' && line.requeued.includes(id))
  return lines.filter(names).slice(-LAST_LINES)
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 10) / 10
}

/** The report for people, line by line. */
export function* reportLines(report: Report): Generator<string> {
  const { acknowledged, sent, kills, faults, skipped, recoveries } = report
  yield `${acknowledged} tasks acknowledged in ${sent} requests, ${report.attempts} attempts, ${report.seconds} s`
  yield `${kills} kills; ${Object.entries(faults)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')}; ${report.rescues} rescues`
  yield recoveries === 0
    ? 'recovery: no kill met a running task with a peer alive'
    : `recovery: ${report.recovery_ms_p50} ms at the median of ${recoveries}, ${report.recovery_ms_max} ms at most`
  for (const reason of skipped) yield `skipped: ${reason}`
  yield* shownLines(report)
  yield report.violations === 0
    ? 'nothing lost, nothing twice, nothing out of order'
    : `${report.violations} violations: ${JSON.stringify(report.violations_by_kind)}`
}

/** The violations that are shown, and where the evidence was kept. */
export function* shownLines(report: Pick<Report, 'shown' | 'violations' | 'kept'>): Generator<string> {
  for (const { violation, lines } of report.shown) {
    yield `VIOLATION ${violation.kind}: ${violation.says}${violation.id === undefined ? '' : ` (task ${violation.id})`}`
    for (const line of lines) yield `    ${JSON.stringify(line)}`
  }
  if (report.violations > report.shown.length) yield `… and ${report.violations - report.shown.length} more violations`
  if (report.kept !== undefined) yield `history and database: ${report.kept}`
}
