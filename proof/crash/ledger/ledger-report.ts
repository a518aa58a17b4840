import type { Violation } from '../evidence.ts'
import type { FaultName } from '../faults.ts'
import type { Line } from '../history.ts'
import { linesOf, SHOWN_MAX, shownLines } from '../report.ts'
import type { Data } from './bank.ts'
import { centsOff, isKnownGap } from './checks.ts'
import type { LedgerEvidence } from './ledger-evidence.ts'
import type { LedgerSettings } from './run.ts'

/** What a run of the ledger found, under the keys that `--json` prints. */
export interface LedgerReport {
  readonly plan: 'ledger'
  readonly data: Data
  readonly seed: number
  readonly servers: number
  readonly plant: string | undefined
  readonly seconds: number
  /** Transfers that were acknowledged, and the tasks of transfers that are in the store, acknowledged or not. */
  readonly acknowledged: number
  readonly transfers: number
  /** Transfers in the books, in all and by second of the run. */
  readonly done: number
  readonly done_per_second: number
  readonly follow_ups: number
  readonly attempts: number
  /** Transfers that came to nothing, as was planned. */
  readonly cancelled: number
  readonly failed: number
  readonly kills: number
  /** Of the kills, those at a named point. */
  readonly kills_at_points: number
  readonly faults: Readonly<Record<string, number>>
  readonly rescues: number
  /** How often a worker died while it ran a task. */
  readonly crashes: number
  readonly lost: number
  readonly twice: number
  /** What the accounts hold beyond what they began with, in cents. */
  readonly sum_cents_off: number
  /** Cancelled, and in the books: possible only where the accounts are not in the store. */
  readonly cancelled_after_commit: number
  readonly violations: number
  readonly violations_by_kind: Readonly<Record<string, number>>
  readonly skipped: readonly string[]
  readonly kept: string | undefined
  /** The first violations, each with the last lines of its task; not part of the JSON. */
  readonly shown: readonly { readonly violation: Violation; readonly lines: readonly Line[] }[]
}

/** What a report is made of. */
export interface LedgerReportParts {
  readonly settings: LedgerSettings
  readonly evidence: LedgerEvidence
  readonly violations: readonly Violation[]
  readonly kills: number
  readonly faults: ReadonlyMap<FaultName, number>
  readonly kept: string | undefined
}

/** Counts, and picks what to show. */
export function makeLedgerReport(parts: LedgerReportParts): LedgerReport {
  const { settings, evidence, violations, kills, faults, kept } = parts
  const { lines, tasks, books } = evidence.record
  const byKind: Record<string, number> = {}
  for (const { kind } of violations) byKind[kind] = (byKind[kind] ?? 0) + 1
  const count = (what: Line['what']): number => lines.filter((line) => line.what === what).length
  const inState = (name: string): number =>
    tasks.filter(({ kind, state }) => kind === 'transfer' && state === name).length
  const seconds = Math.round((lines.at(-1)?.at ?? 0) - (lines[0]?.at ?? 0)) / 1_000
  const done = books.entries.filter(({ table }) => table === 'transfer').length
  return {
    ...headOf(settings),
    seconds,
    acknowledged: evidence.acknowledged.size,
    transfers: tasks.filter(({ kind }) => kind === 'transfer').length,
    done,
    done_per_second: Math.round(done / seconds),
    follow_ups: books.entries.length - done,
    attempts: count('begin'),
    cancelled: inState('cancelled'),
    failed: inState('failed'),
    kills,
    kills_at_points: lines.filter((line) => line.what === 'kill' && line.point !== undefined).length,
    faults: Object.fromEntries(faults),
    rescues: count('rescued'),
    crashes: tasks.reduce((sum, { crashes }) => sum + crashes, 0),
    lost: byKind['lost'] ?? 0,
    twice: byKind['twice'] ?? 0,
    sum_cents_off: centsOff(evidence),
    cancelled_after_commit: tasks.filter((task) => isKnownGap(evidence, task)).length,
    violations: violations.length,
    violations_by_kind: byKind,
    skipped: [],
    kept,
    shown: violations.slice(0, SHOWN_MAX).map((violation) => ({ violation, lines: linesOf(lines, violation.id) })),
  }
}

/** The report of a run that this machine does not allow. */
export function skippedReport(settings: LedgerSettings, reason: string): LedgerReport {
  const none = { acknowledged: 0, transfers: 0, done: 0, done_per_second: 0, follow_ups: 0, attempts: 0, cancelled: 0 }
  return {
    ...headOf(settings),
    ...none,
    seconds: 0,
    failed: 0,
    kills: 0,
    kills_at_points: 0,
    faults: {},
    rescues: 0,
    crashes: 0,
    lost: 0,
    twice: 0,
    sum_cents_off: 0,
    cancelled_after_commit: 0,
    violations: 0,
    violations_by_kind: {},
    skipped: [reason],
    kept: undefined,
    shown: [],
  }
}

function headOf({ data, seed, servers, plant }: LedgerSettings) {
  return { plan: 'ledger', data, seed, servers, plant } as const
}

/** The report for people, line by line. */
export function* ledgerReportLines(report: LedgerReport): Generator<string> {
  const { acknowledged, done, kills, faults, seconds, attempts, skipped } = report
  for (const reason of skipped) yield `skipped: ${reason}`
  if (skipped.length > 0) return
  yield `${acknowledged} transfers acknowledged, ${done} made, ${report.follow_ups} fees and notices, ${attempts} attempts`
  yield `${report.cancelled} cancelled, ${report.failed} given up, ${seconds} s, ${report.done_per_second} transfers a second`
  yield `${kills} kills, ${report.kills_at_points} of them at a point; ${Object.entries(faults)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')}; ${report.rescues} rescues, ${report.crashes} tasks lost their worker`
  if (report.cancelled_after_commit > 0) {
    yield `${report.cancelled_after_commit} cancelled although their accounts, in another database, had committed: docs/proof/crash.md`
  }
  yield* shownLines(report)
  yield report.violations === 0
    ? 'the sum is exact to the cent; no transfer lost, none made twice'
    : `${report.violations} violations: ${JSON.stringify(report.violations_by_kind)}; the sum is off by ${report.sum_cents_off} cents`
}
