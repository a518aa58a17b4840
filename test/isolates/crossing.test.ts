/** What a task gets and gives in a thread, and in a child process. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { threadId } from 'node:worker_threads'
import type { Logger } from '../../src/model/logger.ts'
import { bench, SILENT } from '../support/bench.ts'
import { here, inProcess, inThread } from './children/isolated-tasks.ts'

for (const tasks of [inThread, inProcess]) {
  const { kind, where, hidden, twice, transformed, describes, speaks, heeds } = tasks
  const { throws, unstorable, unreportable, leaves, follows } = tasks

  describe(`a task in a ${kind}`, () => {
    test('runs in another one', async (t) => {
      const { background } = bench(t, { tasks: [where] })
      const there = await background.result(await background.add(where))
      assert.equal(there.isMainThread, kind === 'process')
      assert.equal(there.pid === process.pid, kind === 'thread')
    })

    test('runs on the event loop with threads: 0', async (t) => {
      const { background } = bench(t, { tasks: [where], threads: 0 })
      const there = await background.result(await background.add(where))
      assert.deepEqual(there, { isMainThread: true, threadId, pid: process.pid })
    })

    test('is found by its name when its module does not export it', async (t) => {
      const { background } = bench(t, { tasks: [hidden] })
      assert.notEqual(await background.result(await background.add(hidden)), here())
    })

    test('gets its input and gives its result as they are stored: Dates, Maps and bigints included', async (t) => {
      const { background } = bench(t, { tasks: [twice] })
      const input = { at: new Date(5), counts: new Map([['a', 1n]]) }
      const { first, second } = await background.result(await background.add(twice, input))
      assert.deepEqual([first, second], [input, input])
      // Not as a structured clone, which would keep them one.
      assert.notEqual(first.at, second.at)
    })

    test('gets what its schema makes of the input, which need not be storable', async (t) => {
      const { background } = bench(t, { tasks: [transformed] })
      assert.equal(await background.result(await background.add(transformed, { text: 'hey' })), 'HEY')
    })

    test('gets the whole context', async (t) => {
      const { background } = bench(t, { tasks: [describes], carry: () => ({ tenant: 'a', since: new Date(7) }) })
      const scope = background.attach(undefined, { id: 'request-1' })
      const { id } = scope.tasks.add(describes)
      await scope.settle(200)
      scope.close()
      const context = await background.result<typeof describes>(id)
      const addedAt = (await background.get(id))!.addedAt
      assert.deepEqual(context, {
        id,
        name: `${kind}-describes`,
        attempt: 2,
        crashes: 0,
        addedAt,
        requestId: 'request-1',
        carried: { tenant: 'a', since: new Date(7) },
        idempotencyKey: id,
      })
    })

    test('logs through the logger of its background, with errors as errors and what cannot cross as text', async (t) => {
      const lines: { fields: Record<string, unknown>; message: string }[] = []
      const logger: Logger = { ...SILENT, info: (fields, message) => lines.push({ fields: { ...fields }, message }) }
      const { background } = bench(t, { tasks: [speaks], logger })
      const { id } = await background.add(speaks)
      await background.result(id)
      const { fields, message } = lines.find((line) => line.message === 'half of it')!
      const { err, ...others } = fields as { err: Error & { code?: string } }
      assert.equal(message, 'half of it')
      assert.deepEqual(others, {
        task: `${kind}-speaks`,
        taskId: id,
        attempt: 1,
        size: 3,
        callback: '[Function: callback]',
      })
      assert.deepEqual([err instanceof Error, err.code], [true, 'STORE_CLOSED'])
    })

    test('reports its progress', async (t) => {
      const { background, events, row } = bench(t, { tasks: [speaks] })
      const { id } = await background.add(speaks)
      await background.result(id)
      const progress = { percent: 50, at: new Date(0) }
      assert.deepEqual((await row(id)).progress, progress)
      assert.deepEqual(
        events.all('attempt:progress', id).map(({ value }) => value),
        [progress],
      )
    })

    test('learns at once that a progress cannot be stored', async (t) => {
      const { background } = bench(t, { tasks: [unreportable] })
      assert.equal(await background.result(await background.add(unreportable)), 'RESULT_NOT_STORABLE')
    })

    test('that has ended cannot speak for the one that follows it there', async (t) => {
      const { background, events } = bench(t, { tasks: [leaves, follows], threads: 1 })
      const first = await background.result(await background.add(leaves))
      const { id } = await background.add(follows)
      assert.equal(await background.result(id), first)
      assert.deepEqual(
        events.all('attempt:progress').map(({ value }) => value),
        ['mine'],
      )
    })
  })

  describe(`the signal of a task in a ${kind}`, () => {
    const listening = async (t: Parameters<typeof bench>[0]) => {
      const made = bench(t, { tasks: [heeds] })
      const { id } = await made.background.add(heeds)
      await made.until('attempt:progress', id)
      return { ...made, id }
    }

    test('aborts with the same typed reason when the task is cancelled', async (t) => {
      const { background, id } = await listening(t)
      await background.cancel(id)
      assert.equal(await background.result(id), 'AttemptAborted cancelled: The task was cancelled.')
    })

    test('aborts at a shutdown after the grace period, and the task may still end', async (t) => {
      const { background, id, until } = await listening(t)
      const account = await background.stop({ grace: 1 })
      assert.deepEqual([account.finished, account.handedBack, account.abandoned], [1, [], []])
      assert.equal((await until('attempt:end', id)).state, 'succeeded')
    })

    test('aborts when the time of the attempt is over', async (t) => {
      const { background } = bench(t, { tasks: [heeds], timeout: '50ms' })
      const { id } = await background.add(heeds)
      assert.equal(await background.result(id), 'AttemptAborted timeout: The attempt took longer than its timeout.')
    })
  })

  describe(`what a task in a ${kind} throws`, () => {
    const failing = async (t: Parameters<typeof bench>[0], what: Parameters<typeof throws.run>[0]) => {
      const { background, until } = bench(t, { tasks: [throws] })
      const { id } = await background.add(throws, what)
      return until('attempt:failed', id)
    }

    test('comes back with name, message, code, stack and cause', async (t) => {
      const { error, thrown, state } = await failing(t, 'error')
      assert.equal(state, 'scheduled')
      assert.deepEqual([error?.name, error?.message, error?.code], ['Refusal', 'no', 'E_REFUSED'])
      assert.match(error!.stack!, /isolated-tasks\.ts/)
      assert.deepEqual([error?.cause?.name, error?.cause?.message], ['RangeError', 'too many'])
      assert.match(error!.cause!.stack!, /isolated-tasks\.ts/)
      assert.equal(thrown instanceof Error, true)
    })

    test('may be anything', async (t) => {
      const { error } = await failing(t, 'text')
      assert.deepEqual(error, { name: 'Thrown', message: '"just text"' })
    })

    test('may be giveUp: there is no further attempt', async (t) => {
      const { error, state } = await failing(t, 'giveUp')
      assert.deepEqual(
        [state, error?.name, error?.message, error?.cause?.message],
        ['failed', 'GiveUp', 'closed', 'why'],
      )
    })

    test('may be retryAfter: the next attempt begins when it says', async (t) => {
      const { state, retryInMs } = await failing(t, 'retryAfter')
      assert.equal(state, 'scheduled')
      assert.equal(Math.round(retryInMs! / 3_600_000), 2)
    })

    test('may be retryAfter that costs no attempt', async (t) => {
      const { background, until, row } = bench(t, { tasks: [throws] })
      const { id } = await background.add(throws, 'free')
      await until('attempt:failed', id)
      assert.equal((await row(id)).attempt, 0)
    })

    test('a result that no store can hold leaves the task succeeded, with the reason', async (t) => {
      const { background, until, row } = bench(t, { tasks: [unstorable] })
      const { id } = await background.add(unstorable)
      await until('attempt:end', id)
      const { state, error } = await row(id)
      assert.deepEqual([state, error?.code], ['succeeded', 'RESULT_NOT_STORABLE'])
    })
  })
}
