/**
 * What has to be true of the books of a ledger, whatever befell its servers. Each check reads the stopped databases; only which
 * transfers were acknowledged comes from the history.
 */
import type { Violation } from '../evidence.ts'
import type { Entry } from './bank.ts'
import type { LedgerEvidence, LedgerTask } from './ledger-evidence.ts'
import { ACCOUNTS, FEE_CENTS, OPENING_CENTS, type PlannedTransfer } from './plan.ts'

type Check = (evidence: LedgerEvidence) => readonly Violation[]

/** Money is neither made nor lost. */
export const sumIsExact: Check = (evidence) => {
  const off = centsOff(evidence)
  return off === 0 ? [] : [{ kind: 'sum', says: `the accounts hold ${off} cents more than they began with` }]
}

/** What the accounts hold beyond what they began with, in cents: 0. */
export function centsOff({ record }: LedgerEvidence): number {
  return record.books.balances.reduce((sum, cents) => sum + cents, 0) - ACCOUNTS * OPENING_CENTS
}

/** Every balance is what its entries make of it. */
export const balancesAddUp: Check = ({ record: { books } }) => {
  const expected = Array.from({ length: ACCOUNTS }, () => OPENING_CENTS)
  for (const { payer, payee, cents } of books.entries) {
    expected[payer]! -= cents
    expected[payee]! += cents
  }
  return expected.flatMap((cents, account) =>
    books.balances[account] === cents
      ? []
      : [
          {
            kind: 'balance',
            says: `account ${account} holds ${books.balances[account]} cents, its entries say ${cents}`,
          },
        ],
  )
}

/** Every acknowledged transfer is in the store, and whatever is there happened unless it was to fail or to be cancelled. */
export const nothingLost: Check = (evidence) => {
  const violations: Violation[] = []
  for (const [id] of evidence.acknowledged) {
    if (evidence.tasks.has(id)) continue
    violations.push({ kind: 'lost', id, says: 'an acknowledged transfer is not in the store' })
  }
  for (const task of evidence.record.tasks) {
    const { id, kind, state } = task
    if (isFineEnd(task, evidence.plannedOf(task))) continue
    violations.push({ kind: 'lost', id, says: `a ${kind} is ${state} at the end` })
  }
  return violations
}

/** A kill may take the first attempt, which was to misbehave; the second does not. */
function isFineEnd({ kind, state }: LedgerTask, planned: PlannedTransfer | undefined): boolean {
  if (state === 'succeeded') return true
  if (kind !== 'transfer' || planned === undefined) return false
  if (state === 'failed') return planned.behaviour === 'gives-up'
  return state === 'cancelled' && (planned.cancelled || planned.behaviour === 'cancels-itself')
}

/** No task has made two entries. */
export const nothingTwice: Check = ({ byTask }) =>
  [...byTask]
    .filter(([, entries]) => entries.length > 1)
    .map(([id, entries]) => ({ kind: 'twice', id, says: `a ${entries[0]!.table} was made ${entries.length} times` }))

/** A task has an entry exactly if it succeeded, and the entry is what was asked for. */
export const statesAgree: Check = (evidence) => {
  const violations: Violation[] = []
  for (const task of evidence.record.tasks) {
    const { id, kind, state } = task
    const entries = evidence.entriesOf(id)
    if (state === 'succeeded' && entries.length === 0) {
      violations.push({ kind: 'effect', id, says: `a ${kind} has succeeded and nothing of it is in the books` })
    } else if (state !== 'succeeded' && entries.length > 0 && !isKnownGap(evidence, task)) {
      violations.push({ kind: 'effect', id, says: `a ${kind} is ${state} and stands in the books` })
    }
    const planned = evidence.plannedOf(task)
    if (planned === undefined || entries.some((entry) => !isAsPlanned(entry, task, planned))) {
      violations.push({ kind: 'altered', id, says: `a ${kind} is not what request ${task.n} asked for` })
    }
  }
  for (const [id, [entry]] of evidence.byTask) {
    if (!evidence.tasks.has(id)) {
      violations.push({
        kind: 'phantom',
        id,
        says: `a ${entry!.table} is in the books and its task is not in the store`,
      })
    }
  }
  return violations
}

/**
 * Where the accounts are not in the store, a task that is cancelled after a worker died with it may have committed before: no
 * attempt of it looks at its row of outcome any more, or adds what follows. The report counts these.
 */
export function isKnownGap({ record, byTask, cut }: LedgerEvidence, { id, state }: LedgerTask): boolean {
  return record.data !== 'store' && state === 'cancelled' && byTask.has(id) && cut.has(id)
}

function isAsPlanned(entry: Entry, task: LedgerTask, planned: PlannedTransfer): boolean {
  const { table, transfer, payer, payee, cents } = entry
  if (table !== task.kind || transfer !== task.transfer || payer !== planned.payer) return false
  if (table === 'transfer') return payee === planned.payee && cents === planned.cents
  return table === 'fee' ? payee === 0 && cents === FEE_CENTS : cents === 0
}

/** A transfer that happened is followed by exactly what it adds, one that did not by nothing. */
export const followUpsAreThere: Check = (evidence) => {
  const violations: Violation[] = []
  for (const task of evidence.record.tasks) {
    if (task.kind !== 'transfer' || isKnownGap(evidence, task)) continue
    const wanted = evidence.entriesOf(task.id).length > 0 ? evidence.plannedOf(task)?.followUp : 'none'
    const followers = evidence.followers.get(task.id) ?? []
    const kinds = followers.map(({ kind }) => kind)
    if ((kinds.join() || 'none') === wanted) continue
    violations.push({
      kind: 'follow-up',
      id: task.id,
      says: `a transfer that is ${task.state} should be followed by ${wanted}, and is by ${kinds.join(' and ') || 'none'}`,
    })
  }
  for (const [transfer, [first]] of evidence.followers) {
    if (!evidence.tasks.has(transfer)) {
      violations.push({ kind: 'follow-up', id: first!.id, says: `a ${first!.kind} follows no transfer` })
    }
  }
  return violations
}

/** All of them. */
export const LEDGER_CHECKS: readonly Check[] = [
  sumIsExact,
  balancesAddUp,
  nothingLost,
  nothingTwice,
  statesAgree,
  followUpsAreThere,
]
