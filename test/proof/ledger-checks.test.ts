/**
 * The checks of the plan `ledger`, each tried on books that break it and on the nearest that do not. What they say of real runs
 * is tried in test/crash.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Happening } from '../../proof/crash/history.ts'
import type { Books, Data, Entry } from '../../proof/crash/ledger/bank.ts'
import { LEDGER_CHECKS } from '../../proof/crash/ledger/checks.ts'
import { LedgerEvidence, type LedgerTask } from '../../proof/crash/ledger/ledger-evidence.ts'
import { ACCOUNTS, FEE_CENTS, OPENING_CENTS, type PlannedTransfer } from '../../proof/crash/ledger/plan.ts'

/** What request 1 of every story asks for: one transfer of 500 cents from account 1 to account 2, with a fee. */
const PLANNED: PlannedTransfer = {
  step: 0,
  payer: 1,
  payee: 2,
  cents: 500,
  behaviour: 'plain',
  followUp: 'fee',
  thinkMs: 0,
  dawdleMs: 0,
  cancelled: false,
  parallel: true,
  id: undefined,
}
const TRANSFER: LedgerTask = {
  id: 'a',
  kind: 'transfer',
  n: 1,
  step: 0,
  state: 'succeeded',
  crashes: 0,
  transfer: 'a',
}
const FEE: LedgerTask = { ...TRANSFER, id: 'b', kind: 'fee' }
const MADE: Entry = { table: 'transfer', task: 'a', transfer: 'a', payer: 1, payee: 2, cents: 500 }
const PAID: Entry = { table: 'fee', task: 'b', transfer: 'a', payer: 1, payee: 0, cents: FEE_CENTS }

interface Story {
  readonly tasks?: readonly LedgerTask[]
  readonly entries?: readonly Entry[]
  readonly planned?: Partial<PlannedTransfer>
  readonly data?: Data
  /** By default what the entries make of them. */
  readonly balances?: Books['balances']
  /** What befell the attempt of the transfer. */
  readonly lines?: readonly Happening[]
}

const KEPT: Happening = { what: 'kept', n: 1, server: 1, ids: ['a'] }
const BEGAN: readonly Happening[] = [
  { what: 'registered', server: 1, worker: 11 },
  { what: 'begin', server: 1, n: 1, step: 0, worker: 11, id: 'a', attempt: 1 },
]
const RESCUED: Happening = { what: 'rescued', server: 2, worker: 11, requeued: [] }
const RECORDED: Happening = { what: 'recorded', server: 1, worker: 11, id: 'a', attempt: 1, state: 'cancelled' }

/** Asserts that exactly these kinds of violations are found in a story in which the rest went well. */
function assertKinds(kinds: readonly string[], story: Story): void {
  const { tasks = [TRANSFER, FEE], entries = [MADE, PAID], planned, data = 'store' } = story
  const evidence = new LedgerEvidence({
    lines: [KEPT, ...(story.lines ?? [])].map((happening, at) => ({ at, ...happening })),
    tasks,
    books: { entries, balances: story.balances ?? balancesOf(entries) },
    data,
    transfersOf: () => [{ ...PLANNED, ...planned }],
  })
  const found = LEDGER_CHECKS.flatMap((check) => check(evidence))
  const says = found.map(({ kind, says }) => `${kind}: ${says}`).join('\n')
  assert.deepEqual([...new Set(found.map(({ kind }) => kind))].toSorted(), kinds.toSorted(), says)
}

function balancesOf(entries: readonly Entry[]): number[] {
  const balances = Array.from({ length: ACCOUNTS }, () => OPENING_CENTS)
  for (const { payer, payee, cents } of entries) {
    balances[payer]! -= cents
    balances[payee]! += cents
  }
  return balances
}

/** The same with so much more on one account. */
function off(account: number, cents: number, balances = balancesOf([MADE, PAID])): number[] {
  return balances.map((held, index) => (index === account ? held + cents : held))
}

const WITHOUT_FEE = { planned: { followUp: 'none' }, tasks: [TRANSFER], entries: [MADE] } as const

describe('books in which everything is right', () => {
  test('break nothing', () => {
    assertKinds([], {})
    assertKinds([], WITHOUT_FEE)
  })

  test('break nothing when a transfer was given up, and nothing of it is there', () => {
    const planned = { behaviour: 'gives-up' } as const
    assertKinds([], { planned, tasks: [{ ...TRANSFER, state: 'failed' }], entries: [] })
    assertKinds([], { planned })
  })

  test('break nothing when a transfer was cancelled by its client or by itself', () => {
    const tasks = [{ ...TRANSFER, state: 'cancelled' }]
    assertKinds([], { planned: { cancelled: true }, tasks, entries: [] })
    assertKinds([], { planned: { behaviour: 'cancels-itself' }, tasks, entries: [] })
  })
})

describe('the sum', () => {
  test('is exact to the cent', () => assertKinds(['sum', 'balance'], { balances: off(7, 1) }))

  test('may be right while two balances are not what their entries say', () => {
    assertKinds(['balance'], { balances: off(7, 1, off(8, -1)) })
  })
})

describe('a transfer', () => {
  test('is lost when it was acknowledged and is not in the store', () =>
    assertKinds(['lost'], { tasks: [], entries: [] }))

  test('is lost when it has failed, was cancelled or set aside without being asked to', () => {
    for (const state of ['failed', 'cancelled', 'quarantined', 'ready']) {
      assertKinds(['lost'], { tasks: [{ ...TRANSFER, state }], entries: [] })
    }
  })

  test('is made twice when it has two entries', () => assertKinds(['twice'], { entries: [MADE, MADE, PAID] }))

  test('has an entry when it has succeeded', () => assertKinds(['effect'], { ...WITHOUT_FEE, entries: [] }))

  test('has no entry when it was cancelled or has failed', () => {
    const cancelled = [{ ...TRANSFER, state: 'cancelled' }]
    const failed = [{ ...TRANSFER, state: 'failed' }]
    assertKinds(['effect'], { planned: { cancelled: true, followUp: 'none' }, tasks: cancelled, entries: [MADE] })
    assertKinds(['effect'], { planned: { behaviour: 'gives-up', followUp: 'none' }, tasks: failed, entries: [MADE] })
  })

  test('may have one that was cancelled after its worker died, where its accounts are in another database', () => {
    const story = { planned: { cancelled: true }, entries: [MADE], tasks: [{ ...TRANSFER, state: 'cancelled' }] }
    const killed = [...BEGAN, { what: 'kill', server: 1 }] as const
    assertKinds([], { ...story, data: 'other', lines: killed })
    assertKinds([], { ...story, data: 'other', lines: [...BEGAN, RESCUED] })
    assertKinds(['effect', 'follow-up'], { ...story, data: 'other', lines: BEGAN })
    assertKinds(['effect', 'follow-up'], { ...story, data: 'other', lines: [...BEGAN, RECORDED, RESCUED] })
    assertKinds(['effect', 'follow-up'], { ...story, lines: killed })
  })

  test('moves what was asked for', () => {
    assertKinds(['altered'], { entries: [{ ...MADE, cents: 501 }, PAID] })
    assertKinds(['altered'], { entries: [{ ...MADE, payee: 3 }, PAID] })
    assertKinds(['altered'], { entries: [MADE, { ...PAID, cents: FEE_CENTS + 1 }] })
  })
})

describe('an entry', () => {
  test('is nobody’s when there is no task of it', () => {
    assertKinds(['phantom'], { entries: [MADE, PAID, { ...MADE, task: 'a too late', transfer: 'a too late' }] })
  })
})

describe('what follows a transfer', () => {
  test('is there once', () => {
    assertKinds(['follow-up'], { tasks: [TRANSFER], entries: [MADE] })
    const again = { ...FEE, id: 'c' }
    assertKinds(['follow-up'], { tasks: [TRANSFER, FEE, again], entries: [MADE, PAID, { ...PAID, task: 'c' }] })
  })

  test('is what was asked for', () => assertKinds(['follow-up'], { planned: { followUp: 'none' } }))

  test('is not there when the transfer is not', () => {
    const tasks = [{ ...TRANSFER, state: 'cancelled' }, FEE]
    assertKinds(['follow-up'], { planned: { cancelled: true }, tasks, entries: [PAID] })
    assertKinds(['follow-up', 'lost'], { tasks: [FEE], entries: [PAID] })
  })

  test('succeeds', () => {
    const tasks = [TRANSFER, { ...FEE, state: 'failed' }]
    assertKinds(['lost'], { tasks, entries: [MADE] })
  })
})
