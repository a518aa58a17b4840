/** Threads that are stuck, or die. Each fails its own attempt, and nothing else. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test, type TestContext } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { bench, gate, later, SILENT } from '../support/bench.ts'
import { leavesABomb } from './children/leaves-a-bomb.ts'
import { starts } from './children/starts-a-background.ts'
import { burns, dies, spins, where } from './children/thread-tasks.ts'

describe('a thread that dies under its task', () => {
  /** How the first attempt failed, and what the second told. */
  async function death(t: TestContext, how: Parameters<typeof dies.run>[0]) {
    const made = bench(t, { tasks: [dies, where], threads: 2, threadMemoryMb: 32 })
    const { id } = await made.background.add(dies, how)
    const first = await made.until('attempt:end', id)
    assert.equal(first.state, 'scheduled')
    assert.equal(typeof (await made.background.result(id)), 'number')
    return first
  }

  test('by process.exit fails the attempt with the exit code, and the next one runs in another thread', async (t) => {
    const { error, thrown } = await death(t, 'exit')
    assert.equal(error?.code, 'THREAD_EXITED')
    const { details } = thrown as { details: { name: string; exitCode: number; ranMs: number } }
    assert.deepEqual({ ...details, ranMs: details.ranMs >= 0 }, { name: 'dies-in-thread', exitCode: 3, ranMs: true })
  })

  test('by an error outside of its promise fails the attempt with that error as its cause', async (t) => {
    const { error } = await death(t, 'throw')
    assert.deepEqual(
      [error?.code, error?.cause?.message, error?.cause?.code],
      ['THREAD_CRASHED', 'outside', 'E_OUTSIDE'],
    )
    assert.match(error!.message, /exit code 1/)
  })

  test('by a rejection that nobody listens to fails the attempt in the same way', async (t) => {
    const { error } = await death(t, 'reject')
    assert.deepEqual([error?.code, error?.cause?.message], ['THREAD_CRASHED', 'nobody listens'])
  })

  test('by running out of memory fails the attempt with the limit', async (t) => {
    const { error, thrown } = await death(t, 'hog')
    assert.equal(error?.code, 'THREAD_OUT_OF_MEMORY')
    assert.equal((thrown as { details: { memoryMb: number } }).details.memoryMb, 32)
  })

  test('harms no task beside it, and no task after it', async (t) => {
    const { background, until } = bench(t, { tasks: [dies, burns], threads: 2, threadMemoryMb: 32 })
    const beside = await background.add(burns, 300)
    await until('attempt:start', beside.id)
    const dying = await background.add(dies, 'hog')
    const after = await background.add(burns, 1)
    assert.equal(typeof (await background.result(dying)), 'number')
    assert.equal(typeof (await background.result(after)), 'number')
    assert.equal(typeof (await background.result(beside)), 'number')
    assert.equal((await background.get(beside.id))?.attempt, 1)
  })
})

test('what a task leaves behind may end its idle thread, which is logged and harms nobody', async (t) => {
  const crashed = gate<Error>()
  const logger = { ...SILENT, error: ({ err }: { err: Error }) => crashed.open(err) }
  const { background } = bench(t, { tasks: [leavesABomb, where], logger, threads: 1 })
  assert.equal(await background.result(await background.add(leavesABomb)), 'done')
  assert.equal((await crashed.opened).message, 'too late')
  assert.equal((await background.result(await background.add(where))).isMainThread, false)
})

test('a task in a thread that starts a background is refused, and told what to do', async (t) => {
  const { background, until } = bench(t, { tasks: [starts] })
  const { error } = await until('attempt:failed', (await background.add(starts)).id)
  assert.equal(error?.code, 'THREAD_BACKGROUND_REFUSED')
  assert.match(error.message, /module of its own/)
})

describe('a task in a thread that hears no signal', () => {
  test('is given up after abandonAfter, and its thread makes room for another one', async (t) => {
    const { background, until, row } = bench(t, {
      tasks: [spins, where],
      threads: 1,
      timeout: '100ms',
      abandonAfter: '50ms',
    })
    const stuck = await background.add(spins)
    const spinning = (await until('attempt:progress', stuck.id)).value
    const next = await background.add(where)
    const { threadId } = await background.result(next)
    assert.notEqual(threadId, spinning)
    assert.equal((await until('attempt:abandoned', stuck.id)).reason, 'timeout')
    const { state, error } = await row(stuck.id)
    assert.deepEqual([state, error?.code], ['failed', 'ATTEMPT_TIMEOUT'])
  })

  test('is given up with its thread, which ends while its background goes on', async (t) => {
    const ended = new Map<number, Promise<unknown>>()
    const watch = (worker: Worker): void => void ended.set(worker.threadId, once(worker, 'exit'))
    process.on('worker', watch)
    later(t).defer(() => void process.off('worker', watch))
    const { background, until, row } = bench(t, { tasks: [spins, where], timeout: '50ms', abandonAfter: '50ms' })
    const { id } = await background.add(spins)
    const spinning = (await until('attempt:progress', id)).value as number
    await ended.get(spinning)!
    await until('attempt:end', id)
    assert.equal((await row(id)).error?.code, 'ATTEMPT_TIMEOUT')
    assert.equal((await background.result(await background.add(where))).isMainThread, false)
  })

  test('is cancelled nevertheless', async (t) => {
    const { background, until } = bench(t, { tasks: [spins], abandonAfter: '50ms' })
    const { id } = await background.add(spins)
    await until('attempt:progress', id)
    await background.cancel(id)
    assert.equal((await until('attempt:end', id)).state, 'cancelled')
  })

  test('holds no shutdown up: it is handed back, and its thread ends', async (t) => {
    const { background, until } = bench(t, { tasks: [spins] })
    const { id } = await background.add(spins)
    await until('attempt:progress', id)
    const account = await background.stop({ grace: '50ms' })
    assert.deepEqual([account.handedBack, account.abandoned.map((facts) => facts.id)], [[id], [id]])
  })
})
