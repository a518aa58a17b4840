/** `afterword worker`: real processes that run tasks and serve nothing. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { bench, folder } from '../support/bench.ts'
import { CommandProcess, type Setting } from './command-process.ts'

const note = defineTask({ name: 'note', run: (_: string) => undefined })
const lasts = defineTask({ name: 'lasts', queue: 'long', run: () => undefined })

/** A worker, and a background of this process that adds to the same store. */
async function working(t: TestContext, args: readonly string[], setting: Setting = {}) {
  const cwd = folder(t)
  const worker = new CommandProcess(t, ['worker', ...args], { cwd, ...setting })
  const ready = await worker.until({ change: 'ready' })
  const adding = bench(t, { store: `sqlite:${join(cwd, 'tasks.db')}`, tasks: [note, lasts], works: false })
  return { worker, ready, ...adding }
}

describe('afterword worker', () => {
  test('runs the tasks of the application, and what that listens for is at a port of its own', async (t) => {
    const { worker, ready, background } = await working(t, [], { env: { PORT: '1' } })
    assert.match(ready.message, /^ready, takes tasks of default, long; what listens in it does so at 127\.0\.0\.1:\d+$/)
    assert.equal(ready.incarnations?.length, 1)
    await background.result(await background.add(note, 'a'))
    assert.equal(readFileSync(worker.notes, 'utf8'), `a ${worker.child.pid}\n`)
  })

  test('with --queues takes tasks of those only, and tells which nobody takes', async (t) => {
    const { worker, ready, background, row } = await working(t, ['--queues', 'default'])
    assert.match(ready.message, /takes tasks of default;/)
    await worker.until({ change: 'warning', text: /no worker in the store takes tasks of long so far/ })
    const { id } = await background.add(lasts)
    await background.result(await background.add(note, 'a'))
    assert.equal((await row(id)).state, 'ready')
    assert.deepEqual((await background.workers()).find(({ pid }) => pid === worker.child.pid)?.queues, ['default'])
  })

  test('refuses a queue that is none, with the name that was meant', async (t) => {
    const worker = new CommandProcess(t, ['worker', '--queues', 'defualt'])
    assert.equal((await worker.ended).code, 1)
    assert.match(
      worker.story,
      /QUEUE_UNKNOWN.*did you mean "default"\? The queues of this background are: default, long/,
    )
  })

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    test(`stops in order after ${signal}, hands back what it runs, and ends with 0`, async (t) => {
      const { worker, background, row } = await working(t, [], { env: { GRACE: '0' } })
      const { id } = await background.add(lasts)
      await running(background, id)
      worker.child.kill(signal)
      assert.deepEqual(await worker.ended, { code: 0, signal: null })
      await worker.until({ change: 'stopping', text: new RegExp(`stops after ${signal}`) })
      await worker.until({ change: 'stopped', text: /^stopped: 0 finished, 1 handed back, 0 abandoned$/ })
      const { state, attempt, handBacks } = await row(id)
      assert.deepEqual({ state, attempt, handBacks }, { state: 'ready', attempt: 0, handBacks: 1 })
    })
  }

  test('refuses a store that it has for itself, and works: false', async (t) => {
    const alone = new CommandProcess(t, ['worker'], { env: { STORE: 'memory:' } })
    assert.equal((await alone.ended).code, 1)
    await alone.until({ change: 'failed', text: /STORE_NOT_SHARED/ })
    const idle = new CommandProcess(t, ['worker'], { env: { WORKS: 'false' } })
    assert.equal((await idle.ended).code, 1)
    await idle.until({ change: 'failed', text: /WORKER_WORKS_NOT/ })
  })

  test('refuses an application without a background', async (t) => {
    const worker = new CommandProcess(t, ['worker'], { env: { TROUBLE: 'no background' } })
    assert.equal((await worker.ended).code, 1)
    await worker.until({ change: 'failed', text: /ENTRY_WITHOUT_BACKGROUND/ })
  })

  test('does not wait for an application that never loads', async (t) => {
    const worker = new CommandProcess(t, ['worker', '--start-timeout', '1s'], { env: { TROUBLE: 'never loads' } })
    assert.equal((await worker.ended).code, 1)
    assert.match(worker.story, /ENTRY_STARTS_TOO_LONG.*its import has not ended/)
  })
})

/** Resolves when the task runs, which the store tells. */
async function running(background: Awaited<ReturnType<typeof working>>['background'], id: string): Promise<void> {
  while ((await background.get(id))?.state !== 'running') await new Promise((resolve) => setImmediate(resolve))
}
