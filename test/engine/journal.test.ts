/** The one writer of a process: what goes into one transaction, and who is told what when. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AddEntry, Journal, type OutcomeEntry } from '../../src/engine/journal.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import type { Durability, NewTask, Outcome } from '../../src/model/task.ts'
import type { ClaimAsk, Store, WriteBatch, Written } from '../../src/ports/store.ts'
import { FakeClock } from '../support/fake-clock.ts'

const task = (id: string, durability: Durability = 'process'): NewTask => ({
  id,
  name: 'greet',
  queue: 'default',
  version: 1,
  priority: 0,
  dueAt: undefined,
  addedAt: 0,
  input: { format: 0, text: '1' },
  durability,
  series: undefined,
  after: undefined,
  requestId: undefined,
  carried: undefined,
  idempotent: false,
  claimFor: undefined,
})

const outcome = (id: string): Outcome => ({
  id,
  claims: 1,
  move: 'succeed',
  result: undefined,
  error: undefined,
  forget: false,
})
type Stored = AddEntry['stored']

const adds = (tasks: readonly NewTask[], stored: Stored): AddEntry => ({ tasks, stored })
const ends = (id: string, recorded: OutcomeEntry['recorded'] = () => undefined): OutcomeEntry => ({
  outcome: outcome(id),
  recorded,
})
const value = (text: string) => ({ format: 0, text }) as const
const BUSY = new AfterwordError('STORE_BUSY', { file: 'x', waitedMs: 1 })

/** A journal whose store answers when the test says so. */
function desk(ask?: ClaimAsk) {
  const clock = new FakeClock()
  const writes: { readonly batch: WriteBatch; readonly answer: PromiseWithResolvers<Written> }[] = []
  const [written, refused]: [Written[], unknown[]] = [[], []]
  const owner = { storeFailed: false }
  const store = {
    write: (batch: WriteBatch) => {
      const answer = Promise.withResolvers<Written>()
      writes.push({ batch, answer })
      return answer.promise
    },
  }
  const journal = new Journal(store as unknown as Store, clock, {
    incarnation: 7,
    get storeFailed() {
      return owner.storeFailed
    },
    claimAsk: () => ask,
    written: (each) => void written.push(each),
    refused: (error) => void refused.push(error),
  })
  /** Lets the store take the oldest write that it has not answered. */
  const answer = async (change: Partial<Written> = {}): Promise<void> => {
    await clock.settle()
    const open = writes[answered++]!
    const { adds, outcomes } = open.batch
    const added = adds.map(() => ({ kind: 'added', state: 'ready' }) as const)
    const recorded = outcomes.map(() => true)
    open.answer.resolve({
      added,
      recorded,
      released: [],
      ready: new Set(),
      claimed: undefined,
      fenced: false,
      live: 0,
      durable: undefined,
      ...change,
    })
    await clock.settle()
  }
  const refuse = async (error: unknown): Promise<void> => {
    await clock.settle()
    writes[answered++]!.answer.reject(error)
    await clock.settle()
  }
  let answered = 0
  const told: unknown[] = []
  const done: Stored = (error) => void told.push(error ?? 'stored')
  return { owner, clock, journal, writes, written, refused, answer, refuse, told, done }
}

const idsOf = (batch: WriteBatch | undefined): string[] =>
  [...(batch?.adds ?? []), ...(batch?.outcomes ?? [])].map(({ id }) => id)

describe('one transaction', () => {
  test('takes all adds and outcomes of a turn, and the claim', async () => {
    const ask = { room: new Map([['default', 1]]), probation: true }
    const { journal, clock, writes, done } = desk(ask)
    journal.add(adds([task('a')], done))
    journal.finish(ends('b'), false)
    journal.add(adds([task('c'), task('d')], done))
    journal.wantClaim()
    await clock.settle()
    assert.deepEqual(
      writes.map(({ batch }) => [idsOf(batch), batch.claim, batch.worker]),
      [[['a', 'c', 'd', 'b'], ask, 7]],
    )
  })

  test('asks for the strongest durability of its adds, and for none when there are only outcomes', async () => {
    const { journal, clock, writes, done, answer } = desk()
    journal.add(adds([task('a'), task('b', 'power'), task('c')], done))
    await answer()
    journal.add(adds([task('d')], done))
    await answer()
    journal.finish(ends('e'), true)
    await clock.settle()
    assert.deepEqual(
      writes.map(({ batch }) => batch.durability),
      ['power', 'process', undefined],
    )
  })

  test('is not begun for a claim that nobody wants any more', async () => {
    const { journal, clock, writes } = desk()
    journal.wantClaim()
    await clock.settle()
    assert.equal(writes.length, 0)
  })

  test('gathers what comes while another is under way', async () => {
    const { journal, clock, writes, done, answer } = desk()
    journal.add(adds([task('a')], done))
    await clock.settle()
    journal.add(adds([task('b')], done))
    journal.add(adds([task('c')], done))
    await clock.settle()
    assert.equal(writes.length, 1)
    await answer()
    assert.deepEqual(
      writes.map(({ batch }) => idsOf(batch)),
      [['a'], ['b', 'c']],
    )
  })
})

describe('an add', () => {
  test('is acknowledged when the store has it', async () => {
    const { journal, clock, done, told, answer } = desk()
    journal.add(adds([task('a')], done))
    await clock.settle()
    assert.deepEqual(told, [])
    await answer()
    assert.deepEqual(told, ['stored'])
  })

  test('is not acknowledged before it is durable', async () => {
    const { journal, clock, done, told, answer } = desk()
    const durable = Promise.withResolvers<void>()
    journal.add(adds([task('a', 'power')], done))
    await answer({ durable: durable.promise })
    assert.deepEqual(told, [])
    durable.resolve()
    await clock.settle()
    assert.deepEqual(told, ['stored'])
  })

  test('is refused when it does not become durable', async () => {
    const { journal, clock, done, told, answer } = desk()
    const durable = Promise.withResolvers<void>()
    journal.add(adds([task('a', 'power')], done))
    await answer({ durable: durable.promise })
    durable.reject(BUSY)
    await clock.settle()
    assert.deepEqual(told, [BUSY])
  })

  test('does not hold up the next transaction while it becomes durable', async () => {
    const { journal, clock, done, told, answer } = desk()
    const durable = Promise.withResolvers<void>()
    journal.add(adds([task('a', 'power')], done))
    await answer({ durable: durable.promise })
    journal.add(adds([task('b')], done))
    await answer()
    assert.deepEqual(told, ['stored'])
    durable.resolve()
    await clock.settle()
    assert.deepEqual(told, ['stored', 'stored'])
  })

  test('waits while another is on its way to the disk, and goes before the answers of that one', async () => {
    const { journal, clock, writes, answer } = desk()
    const durable = Promise.withResolvers<void>()
    const told: unknown[] = []
    const note = (id: string) => adds([task(id, 'power')], () => told.push([id, writes.length]))
    journal.add(note('a'))
    await answer({ durable: durable.promise })
    for (const id of ['b', 'c']) journal.add(note(id))
    await clock.settle()
    assert.equal(writes.length, 1)
    durable.resolve()
    await clock.settle()
    assert.deepEqual(told, [['a', 2]])
    assert.deepEqual(idsOf(writes[1]?.batch), ['b', 'c'])
    await answer()
    assert.deepEqual(told.slice(1), [
      ['b', 2],
      ['c', 2],
    ])
  })

  test('goes also when the one on its way to the disk was refused by it', async () => {
    const { journal, clock, writes, done, told, answer } = desk()
    const durable = Promise.withResolvers<void>()
    journal.add(adds([task('a', 'power')], done))
    await answer({ durable: durable.promise })
    journal.add(adds([task('b', 'power')], done))
    durable.reject(BUSY)
    await clock.settle()
    assert.deepEqual([told, writes.length], [[BUSY], 2])
  })

  test('takes along what waits for the disk when something else is written', async () => {
    const { journal, clock, writes, done, answer } = desk()
    journal.add(adds([task('a', 'power')], done))
    await answer({ durable: new Promise(() => undefined) })
    journal.add(adds([task('b', 'power')], done))
    journal.finish(ends('c'), true)
    await clock.settle()
    assert.deepEqual(idsOf(writes[1]?.batch), ['b', 'c'])
  })

  test('of a crowd waits for the rest of it as long as turns bring more, two turns at most', async () => {
    const { journal, clock, writes, done } = desk()
    const groups: number[] = []
    const arrive = (count: number): void => {
      for (let i = 0; i < count; i++) journal.add(adds([task('a')], done))
    }
    /** As many adds in each turn of the event loop, and how many of them the first write took. */
    const firstOf = async (...turns: number[]): Promise<number | undefined> => {
      const from = writes.length
      arrive(turns[0]!)
      const next = (at: number): void => {
        if (at === turns.length) return
        arrive(turns[at]!)
        clock.soon(() => next(at + 1))
      }
      clock.soon(() => next(1))
      await clock.settle()
      const first = writes[from]?.batch.adds.length
      while (answered < writes.length) {
        writes[answered++]!.answer.reject(BUSY)
        await clock.settle()
      }
      return first
    }
    let answered = 0
    const arrivals = [
      [7, 5],
      [8, 5],
      [8, 0, 5],
      [8, 5, 5],
      [8, 5, 5, 5],
    ]
    for (const turns of arrivals) groups.push((await firstOf(...turns))!)
    assert.deepEqual(groups, [7, 13, 8, 18, 18])
  })

  test('that is refused is told so once, and never written again', async () => {
    const { journal, clock, writes, done, told, refuse, refused } = desk()
    journal.add(adds([task('a')], done))
    await refuse(BUSY)
    await clock.advance(10_000)
    assert.deepEqual([told, refused, writes.length], [[BUSY], [BUSY], 1])
  })

  test('learns what became of it among all of its transaction', async () => {
    const { journal, answer } = desk()
    const states: unknown[] = []
    const note: Stored = (_, added, from) => void states.push(added[from])
    journal.add(adds([task('a'), task('b')], note))
    journal.add(adds([task('c')], note))
    const added = ['ready', 'waiting', 'running'].map((state) => ({ kind: 'added', state: state as 'ready' }) as const)
    await answer({ added })
    assert.deepEqual(states, [added[0], added[2]])
  })
})

describe('an outcome', () => {
  test('waits 10 ms for an add that takes it along', async () => {
    const { journal, clock, writes } = desk()
    journal.finish(ends('a'), false)
    await clock.advance(9)
    assert.equal(writes.length, 0)
    await clock.advance(1)
    assert.deepEqual(
      writes.map(({ batch }) => idsOf(batch)),
      [['a']],
    )
  })

  test('goes with the next add', async () => {
    const { journal, clock, writes, done } = desk()
    journal.finish(ends('a'), false)
    await clock.advance(3)
    journal.add(adds([task('b')], done))
    await clock.settle()
    assert.deepEqual(idsOf(writes[0]?.batch), ['b', 'a'])
  })

  test('goes at once when somebody waits for it', async () => {
    const { journal, clock, writes } = desk()
    journal.finish(ends('a'), true)
    await clock.settle()
    assert.equal(writes.length, 1)
  })

  test('goes at once with 63 others', async () => {
    const { journal, clock, writes } = desk()
    for (let i = 0; i < 64; i++) journal.finish(ends(`${i}`), false)
    await clock.settle()
    assert.equal(writes[0]?.batch.outcomes.length, 64)
  })

  test('learns whether its claim was still held', async () => {
    const { journal, answer } = desk()
    const recorded: unknown[] = []
    for (const id of ['a', 'b']) {
      const entry = ends(id, (yes) => recorded.push([id, yes]))
      journal.finish(entry, true)
    }
    await answer({ recorded: [true, false] })
    assert.deepEqual(recorded, [
      ['a', true],
      ['b', false],
    ])
  })

  test('that is refused stays, and goes again after half a second', async () => {
    const { journal, clock, writes, refuse, answer } = desk()
    const recorded: unknown[] = []
    journal.finish(
      ends('a', (yes) => recorded.push(yes)),
      true,
    )
    await refuse(BUSY)
    await clock.advance(499)
    assert.deepEqual([writes.length, recorded], [1, []])
    await clock.advance(1)
    await answer()
    assert.deepEqual([writes.length, recorded], [2, [true]])
  })

  test('that is refused goes with the next add, before those that came later', async () => {
    const { journal, clock, writes, refuse, done } = desk()
    journal.finish(ends('a'), true)
    await refuse(BUSY)
    journal.finish(ends('b'), false)
    journal.add(adds([task('c')], done))
    await clock.settle()
    assert.deepEqual(idsOf(writes[1]?.batch), ['c', 'a', 'b'])
  })

  test('ends without a record when the store is gone for good', async () => {
    const { journal, clock, writes, refuse, owner } = desk()
    const recorded: unknown[] = []
    journal.finish(
      ends('a', (yes) => recorded.push(yes)),
      true,
    )
    owner.storeFailed = true
    await refuse(new AfterwordError('STORE_FAILED', { file: 'x', reason: 'EIO' }))
    await clock.advance(10_000)
    assert.deepEqual([recorded, writes.length], [[undefined], 1])
  })

  test('stays when a statement failed and the store did not', async () => {
    const { journal, clock, writes, refuse, answer } = desk()
    const recorded: unknown[] = []
    journal.finish(
      ends('a', (yes) => recorded.push(yes)),
      true,
    )
    await refuse(new AfterwordError('STORE_FAILED', { file: 'x', reason: 'out of memory (SQLite result 7)' }))
    await clock.advance(500)
    await answer()
    assert.deepEqual([recorded, writes.length], [[true], 2])
  })
})

describe('progress', () => {
  test('goes after 10 ms; the latest of each task wins', async () => {
    const { journal, clock, writes } = desk()
    journal.progress('a', 1, value('1'))
    journal.progress('b', 1, value('2'))
    journal.progress('a', 1, value('3'))
    await clock.advance(10)
    assert.deepEqual(writes[0]?.batch.progress, [
      { id: 'a', claims: 1, value: value('3') },
      { id: 'b', claims: 1, value: value('2') },
    ])
  })

  test('of a claim that was lost does not take the place of that of the present one', async () => {
    const { journal, clock, writes } = desk()
    journal.progress('a', 2, value('1'))
    journal.progress('a', 1, value('2'))
    await clock.advance(10)
    assert.deepEqual(writes[0]?.batch.progress, [{ id: 'a', claims: 2, value: value('1') }])
  })

  test('is written once', async () => {
    const { journal, clock, writes, answer } = desk()
    journal.progress('a', 1, value('1'))
    await clock.advance(10)
    await answer()
    journal.progress('b', 1, value('2'))
    await clock.advance(10)
    assert.deepEqual(
      writes[1]?.batch.progress.map(({ id }) => id),
      ['b'],
    )
  })
})

describe('a beginning', () => {
  test('is not written when its attempt has ended before', async () => {
    const { journal, clock, writes } = desk()
    const attempt = { task: { id: 'a', claims: 1 }, isOver: false }
    journal.begun(attempt, undefined)
    attempt.isOver = true
    journal.finish(ends('a'), false)
    await clock.advance(10)
    assert.deepEqual(writes[0]?.batch.begun, [])
  })

  test('is written, and the attempt started, also when one of a former claim ends meanwhile', async () => {
    const { journal, clock, writes, answer } = desk()
    let started = 0
    journal.begun({ task: { id: 'a', claims: 2 }, isOver: false }, () => started++)
    journal.finish(ends('a'), true)
    await clock.settle()
    assert.deepEqual(
      writes[0]?.batch.begun?.map(({ claims }) => claims),
      [2],
    )
    await answer()
    assert.equal(started, 1)
  })
})

describe('settling', () => {
  /** Whether the journal has settled. */
  function settling(journal: Journal): { over: boolean } {
    const state = { over: false }
    void journal.settle().then(() => (state.over = true))
    return state
  }

  test('is over at once when nothing is under way', async () => {
    const { journal, clock } = desk()
    const state = settling(journal)
    await clock.settle()
    assert.equal(state.over, true)
  })

  test('writes outcomes without their wait, and is over when they are recorded', async () => {
    const { journal, clock, answer } = desk()
    journal.finish(ends('a'), false)
    const state = settling(journal)
    await clock.settle()
    assert.equal(state.over, false)
    await answer()
    assert.equal(state.over, true)
  })

  test('writes also what comes while it waits', async () => {
    const { journal, clock, writes, answer, done } = desk()
    journal.add(adds([task('a')], done))
    const state = settling(journal)
    await clock.settle()
    journal.finish(ends('b'), false)
    await answer()
    assert.deepEqual([state.over, writes.length], [false, 2])
    await answer()
    assert.equal(state.over, true)
  })

  test('is over when the adds are durable, not before', async () => {
    const { journal, clock, answer, done } = desk()
    const durable = Promise.withResolvers<void>()
    journal.add(adds([task('a', 'power')], done))
    const state = settling(journal)
    await answer({ durable: durable.promise })
    assert.equal(state.over, false)
    durable.resolve()
    await clock.settle()
    assert.equal(state.over, true)
  })

  test('may be cut short: what is left goes to the store behind the transaction that waits there', async () => {
    const { journal, clock, writes, answer, done, told } = desk()
    journal.add(adds([task('a')], done))
    await clock.settle()
    journal.add(adds([task('b')], done))
    const entry = ends('c', (recorded) => void told.push(recorded))
    journal.finish(entry, false)
    journal.hasten()
    assert.deepEqual(
      writes.map(({ batch }) => idsOf(batch)),
      [['a'], ['b', 'c']],
    )
    await answer()
    await answer()
    assert.deepEqual(told, ['stored', true, 'stored'])
    journal.hasten()
    assert.equal(writes.length, 2)
  })

  test('is over when the adds were refused', async () => {
    const { journal, refuse, done } = desk()
    journal.add(adds([task('a')], done))
    const state = settling(journal)
    await refuse(BUSY)
    assert.equal(state.over, true)
  })
})
