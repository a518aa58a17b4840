import { setTimeout as sleep } from 'node:timers/promises'
import { defineTask, giveUp, type SessionProvider, type TaskContext } from '../../../src/index.ts'
import type { AttemptEnding } from '../history.ts'
import type { Bank } from './bank.ts'
import { FEE_CENTS, type PlannedTransfer } from './plan.ts'
import type { Points } from './points.ts'

/** A transfer as a task. */
export type TransferInput = Pick<
  PlannedTransfer,
  'step' | 'payer' | 'payee' | 'cents' | 'behaviour' | 'followUp' | 'thinkMs' | 'dawdleMs'
> & { readonly n: number }

/** What follows a transfer. */
interface FollowUpInput {
  readonly n: number
  readonly step: number
  readonly transfer: string
  readonly payer: number
}

/** What the tasks need of their server. */
export interface LedgerParts<Handle> {
  readonly bank: Bank<Handle>
  readonly points: Points
  /** An attempt begins; what it gives is called as its function ends. */
  begin(this: void, input: { readonly n: number; readonly step: number }, context: Named): (how: AttemptEnding) => void
  cancel(this: void, id: string): Promise<unknown>
}

type Named = Pick<TaskContext, 'id' | 'attempt'>
type Context<Handle> = TaskContext<{ readonly db: SessionProvider<Handle> }>

const HASTE_MS = 150
/** Kills, locks and their own misbehaviour may cost a transfer many attempts; none of them is its fault. */
const RETRY = { attempts: 200, base: '10ms', cap: '150ms' } as const
const LATE_MS = 5

/** The tasks of the ledger. `hasty` is a transfer with little time. */
export type LedgerTasks = ReturnType<typeof ledgerTasks>

/** Makes them. */
export function ledgerTasks<Handle>(parts: LedgerParts<Handle>) {
  const { bank } = parts
  const sessions = { db: parts.points.around(bank.provider) }
  const retry = RETRY
  const fee = defineTask({
    name: 'fee',
    sessions,
    retry,
    run: (input: FollowUpInput, context) => told(parts, input, context, () => payFee(parts, input, context)),
  })
  const notice = defineTask({
    name: 'notice',
    sessions,
    retry,
    run: (input: FollowUpInput, context) =>
      told(parts, input, context, async () => {
        const { transfer, payer } = input
        const entry = { table: 'notice', task: context.id, transfer, payer, payee: payer, cents: 0 } as const
        await bank.enter(await context.session.db, entry)
        parts.points.reach('written')
      }),
  })
  const run = (input: TransferInput, context: Context<Handle>): Promise<undefined> =>
    told(parts, input, context, async () => {
      const { n, step, payer, followUp } = input
      const add = { n, step, transfer: context.id, payer }
      if (followUp !== 'none') context.add(followUp === 'fee' ? fee : notice, add)
      await transferMoney(parts, input, context)
    })
  const transfer = defineTask({ name: 'transfer', sessions, retry, run })
  const hasty = defineTask({ name: 'hasty-transfer', sessions, retry, timeout: HASTE_MS, run })
  return { transfer, hasty, all: [transfer, hasty, fee, notice] }
}

/** Tells how the attempt leaves its function. */
async function told<Handle>(
  { begin }: LedgerParts<Handle>,
  input: { readonly n: number; readonly step: number },
  context: Named & Pick<TaskContext, 'signal'>,
  work: () => Promise<void>,
): Promise<undefined> {
  const end = begin(input, context)
  try {
    await work()
  } catch (error) {
    end(context.signal.aborted ? 'interrupted' : 'threw')
    throw error
  }
  end('ok')
  return undefined
}

async function payFee<Handle>(
  { bank, points }: LedgerParts<Handle>,
  { transfer, payer }: FollowUpInput,
  context: Pick<Context<Handle>, 'id' | 'session'>,
): Promise<void> {
  const db = await context.session.db
  await move(bank, db, payer, 0, FEE_CENTS, async () => undefined)
  await bank.enter(db, { table: 'fee', task: context.id, transfer, payer, payee: 0, cents: FEE_CENTS })
  points.reach('written')
}

async function transferMoney<Handle>(
  parts: LedgerParts<Handle>,
  input: TransferInput,
  context: Context<Handle>,
): Promise<void> {
  const { bank, points } = parts
  const { id, attempt, signal } = context
  const { payer, payee, cents, thinkMs, dawdleMs } = input
  const behaviour = attempt === 1 ? input.behaviour : 'plain'
  if (thinkMs > 0) await sleep(thinkMs)
  const db = await context.session.db
  await move(bank, db, payer, payee, cents, async () => {
    if (dawdleMs > 0) await sleep(dawdleMs, undefined, { signal })
    if (behaviour === 'throws-midway') throw new Error('The first attempt fails on purpose, with half of it done.')
  })
  const entry = { table: 'transfer', task: id, transfer: id, payer, payee, cents } as const
  await bank.enter(db, entry)
  points.reach('written')
  switch (behaviour) {
    case 'throws':
      throw new Error('The first attempt fails on purpose, with all of it done.')
    case 'writes-late':
      setTimeout(() => void writeLate(bank, db, `${id} too late`), LATE_MS)
      throw new Error('The first attempt fails on purpose, and is not through with its session.')
    case 'gives-up':
      throw giveUp('on purpose')
    case 'cancels-itself':
      // Nobody may wait for it: the store learns of it when the lock of its file is free again.
      void parts.cancel(id).catch(() => undefined)
      if (input.step % 2 === 0) await untilAborted(signal)
      return
    case 'hangs':
      return untilAborted(signal)
    case 'clings':
      await untilAborted(signal).catch(() => sleep(2 * HASTE_MS))
      return writeLate(bank, db, `${id} too late`)
    default:
  }
}

/** Reads both, and writes what it makes of it: what others write meanwhile would be lost. */
async function move<Handle>(
  bank: Bank<Handle>,
  db: Handle,
  payer: number,
  payee: number,
  cents: number,
  halfway: () => Promise<void>,
): Promise<void> {
  if (payer === payee) return
  const [ofPayer, ofPayee] = await bank.balances(db, [payer, payee])
  await bank.setBalance(db, payer, ofPayer - cents)
  await halfway()
  await bank.setBalance(db, payee, ofPayee + cents)
}

/** With a session whose attempt is over: it has to be refused, or it ends up in the transaction of somebody else. */
async function writeLate<Handle>(bank: Bank<Handle>, db: Handle, task: string): Promise<void> {
  try {
    await bank.enter(db, { table: 'transfer', task, transfer: task, payer: 0, payee: 1, cents: 1 })
  } catch {
    // SESSION_ENDED, as it has to be.
  }
}

/** Rejects when the signal aborts. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
}
