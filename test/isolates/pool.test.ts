/** How many threads and child processes there are, and what waits for one. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { defineTask } from '../../src/define-task.ts'
import { IsolatePool } from '../../src/isolates/isolate-pool.ts'
import type { IsolatedCall } from '../../src/ports/executor.ts'
import { bench, gate, later, SILENT } from '../support/bench.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { isolatedCall, NOBODY } from '../support/isolated-call.ts'
import { inProcess, inThread } from './children/isolated-tasks.ts'

function call({ where }: typeof inThread | typeof inProcess): IsolatedCall {
  return isolatedCall(where, { input: { format: 1, text: '-1' } })
}

function pool(t: TestContext, size: number) {
  const clock = new FakeClock()
  const made = new IsolatePool({ clock, logger: SILENT, size, memoryMb: undefined })
  later(t).defer(() => made.stop())
  return { pool: made, clock }
}

/** Resolves when no more of them are there, ending ones included. */
async function down(isolates: IsolatePool, to: number): Promise<void> {
  while (isolates.isolates > to) await new Promise<void>((resolve) => setImmediate(resolve))
}

for (const tasks of [inThread, inProcess]) {
  const CALL = call(tasks)

  describe(`each ${tasks.kind} of a background`, () => {
    test('starts when it is needed, and is used again', async (t) => {
      const { pool: isolates } = pool(t, 4)
      assert.equal(isolates.isolates, 0)
      const first = await isolates.run(CALL, NOBODY).ended
      assert.deepEqual(await isolates.run(CALL, NOBODY).ended, first)
      assert.equal(isolates.isolates, 1)
      await Promise.all([1, 2, 3].map(() => isolates.run(CALL, NOBODY).ended))
      assert.equal(isolates.isolates, 3)
    })

    test('ends when it had nothing to do for half a minute', async (t) => {
      const { pool: isolates, clock } = pool(t, 4)
      await Promise.all([1, 2].map(() => isolates.run(CALL, NOBODY).ended))
      await clock.advance(29_999)
      assert.equal(isolates.isolates, 2)
      await isolates.run(CALL, NOBODY).ended
      await clock.advance(1)
      // The other one has just worked.
      await down(isolates, 1)
      await clock.advance(29_000)
      assert.equal(isolates.isolates, 1)
    })

    test('is gone when the background has stopped, also when it was busy', async (t) => {
      const { pool: isolates } = pool(t, 2)
      const spinning = gate()
      isolates.run(
        { ...CALL, definition: tasks.spins },
        {
          ...NOBODY,
          begun: () => spinning.open(),
        },
      )
      await isolates.run(CALL, NOBODY).ended
      await spinning.opened
      await isolates.stop()
      assert.equal(isolates.isolates, 0)
    })

    test('keeps the process alive while it works, and no longer', async () => {
      const file = join(import.meta.dirname, 'children', 'keeps-nothing-alive.ts')
      assert.equal((await promisify(execFile)(process.execPath, [file, tasks.kind])).stdout, 'succeeded')
    })
  })
}

describe('threads and child processes', () => {
  test('share one bound: an idle one ends when the other kind needs its place', async (t) => {
    const { pool: isolates } = pool(t, 1)
    for (const tasks of [inThread, inProcess, inThread]) {
      await isolates.run(call(tasks), NOBODY).ended
      await down(isolates, 1)
    }
    assert.equal(isolates.isolates, 1)
  })

  test('stay beside each other while there are places for both', async (t) => {
    const { pool: isolates } = pool(t, 2)
    for (const tasks of [inThread, inProcess, inThread]) await isolates.run(call(tasks), NOBODY).ended
    assert.equal(isolates.isolates, 2)
  })

  test('that are needed at once wait for each other within that bound', async (t) => {
    const { background, events } = bench(t, { tasks: [inThread.burns, inProcess.burns], threads: 1 })
    const ids: string[] = []
    for (const { burns } of [inThread, inProcess, inThread, inProcess]) ids.push((await background.add(burns, 1)).id)
    await Promise.all(ids.map((id) => background.result(id)))
    // Each begins when the one before it has ended.
    assert.deepEqual(
      events.all('attempt:start').map(({ attempt }) => attempt.id),
      ids,
    )
  })
})

const { burns, spins, where } = inThread

describe('a task for which no thread is free', () => {
  test('is not begun: waiting is no part of its timeout', async (t) => {
    const { background, row } = bench(t, { tasks: [burns], threads: 1, timeout: '200ms' })
    const ids: string[] = []
    for (let i = 0; i < 4; i++) ids.push((await background.add(burns, 120)).id)
    for (const id of ids) await background.result(id)
    for (const id of ids) assert.equal((await row(id)).attempt, 1)
  })

  test('has its time counted from the call of run: the start of a thread is not its own', async (t) => {
    // No thread has started for the second of them, which takes far longer than the timeout; once they run they ignore it.
    const { background, row } = bench(t, { tasks: [burns], threads: 2, timeout: 1 })
    const added = [await background.add(burns, 200), await background.add(burns, 5)]
    for (const task of added) await background.result(task)
    for (const { id } of added) assert.equal((await row(id)).attempt, 1)
  })

  test('takes no place: the others of its queue go on', async (t) => {
    const quick = defineTask({ name: 'quick', run: () => 'quick' })
    const { background, until, events } = bench(t, { tasks: [spins, quick], threads: 1, concurrency: 2 })
    await until('attempt:start', (await background.add(spins)).id)
    await background.add(spins)
    await background.add(spins)
    assert.equal(await background.result(await background.add(quick)), 'quick')
    assert.equal(events.all('attempt:start').length, 2)
  })

  test('takes its turn in the order in which it came, whatever its queue', async (t) => {
    const other = defineTask({
      name: burns.name,
      queue: 'other',
      thread: true,
      module: burns.isolation!.url,
      run: burns.run,
    })
    const rest = defineTask({ name: where.name, thread: true, module: where.isolation!.url, run: where.run })
    const { background, events } = bench(t, { tasks: [other, rest], threads: 1 })
    const ids = [(await background.add(other, 50)).id]
    ids.push((await background.add(rest)).id, (await background.add(other, 1)).id, (await background.add(rest)).id)
    await Promise.all(ids.map((id) => background.result(id)))
    assert.deepEqual(
      events.all('attempt:start').map(({ attempt }) => attempt.id),
      ids,
    )
  })

  test('still counts against the places of its queue once it runs', async (t) => {
    const { background, until, events } = bench(t, { tasks: [spins], threads: 2, concurrency: 1 })
    await until('attempt:start', (await background.add(spins)).id)
    await background.add(spins)
    await background.counts()
    assert.equal(events.all('attempt:start').length, 1)
  })

  test('is handed back unspent at a shutdown', async (t) => {
    const { background, until } = bench(t, { tasks: [spins], threads: 1 })
    await until('attempt:start', (await background.add(spins)).id)
    const waiting = await background.add(spins)
    const account = await background.stop({ grace: 0 })
    assert.equal(account.handedBack.includes(waiting.id), true)
    assert.deepEqual(
      account.abandoned.map(({ id }) => id === waiting.id),
      [false],
    )
  })
})
