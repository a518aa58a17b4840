/** Database sessions in a thread, and in a child process: opened there, and ended before the attempt is. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test, type TestContext } from 'node:test'
import type { BackgroundOptions } from '../../src/background-options.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { bench, databaseFile } from '../support/bench.ts'
import { next } from './children/added-tasks.ts'

const folder = mkdtempSync(join(tmpdir(), 'afterword-'))
process.env['AFTERWORD_TEST_APPLICATION'] = join(folder, 'application.db')
const { database, effects, inProcess, inThread } = await import('./children/session-tasks.ts')
after(() => {
  database.close()
  rmSync(folder, { recursive: true })
})

for (const tasks of [inThread, inProcess]) {
  const { kind, inserts, throws, violates, forgets, keeps, spins, asks, leaves, takes } = tasks
  const all = [inserts, throws, violates, forgets, keeps, spins, asks, leaves, takes, next]
  const scene = (t: TestContext, options: BackgroundOptions = {}) => bench(t, { tasks: all, threads: 1, ...options })
  const ids = `${kind} `

  describe(`a session in a ${kind}`, () => {
    test('is committed when run resolves, and before the attempt has ended', async (t) => {
      const { background } = scene(t)
      const result = await background.result(await background.add(inserts, `${ids}commits`))
      assert.deepEqual([result, effects(`${ids}commits`)], [`inserted ${ids}commits`, [`${ids}commits`]])
    })

    test('is rolled back when run throws, and the error is that of run', async (t) => {
      const { background, until } = scene(t)
      const { error } = await until('attempt:failed', (await background.add(throws, `${ids}throws`)).id)
      assert.deepEqual([error?.message, effects(`${ids}throws`)], ['declined', []])
    })

    test('is closed before the attempt has ended: the next one there has it', async (t) => {
      const { background } = scene(t)
      const names = Array.from({ length: 10 }, (_, i) => `${ids}after each other ${i}`)
      const added = await Promise.all(names.map((name) => background.add(inserts, name)))
      await Promise.all(added.map((task) => background.result(task)))
      assert.deepEqual(effects(`${ids}after each other`), names)
    })

    test('that cannot be committed fails the attempt, with the reason', async (t) => {
      const { background, until } = scene(t)
      const { error } = await until('attempt:failed', (await background.add(violates, `${ids}violates`)).id)
      assert.equal(error?.code, 'SESSION_COMMIT_FAILED')
      assert.match(error.message, /FOREIGN KEY/)
    })

    test('of which nobody knows whether it was committed costs no attempt: the next one finds out', async (t) => {
      const { background, until, row } = scene(t)
      const { id } = await background.add(forgets, `${ids}forgets`)
      const { error, state } = await until('attempt:failed', id)
      assert.deepEqual([error?.code, state], ['SESSION_COMMIT_UNKNOWN', 'scheduled'])
      assert.match(String(await background.result(id)), new RegExp(`^inserted ${ids}forgets in`))
      assert.deepEqual([(await row(id)).attempt, effects(`${ids}forgets`)], [1, [`${ids}forgets`]])
      const added = (await background.list({ name: next.name })).tasks
      assert.equal(added.length, 1)
      assert.equal(await background.result(added[0]!), `${ids}forgets of claim 1`)
    })

    test('is taken back when the attempt is given up, and what it held is free', async (t) => {
      const { background, until } = scene(t, { timeout: '1m', abandonAfter: 1 })
      const { id } = await background.add(spins, `${ids}given up`)
      await until('attempt:progress', id)
      await background.cancel(id)
      await background.result(await background.add(inserts, `${ids}after it`))
      assert.deepEqual(effects(`${ids}given up`), [])
    })

    test('does not keep a stop from giving the task back, also when it holds the lock of the store', async (t) => {
      const store = `sqlite:${process.env['AFTERWORD_TEST_APPLICATION']}`
      const { background, until } = scene(t, { store })
      const { id } = await background.add(spins, `${ids}at a stop`)
      await until('attempt:progress', id)
      const { handedBack, leftToRescue } = await background.stop({ grace: 0 })
      assert.deepEqual([handedBack, leftToRescue], [[id], []])
      const second = bench(t, { store, works: false })
      await second.background.cancel(id)
    })

    test('in the file of the store is a transaction of its own there, and the success comes after it', async (t) => {
      const { background } = scene(t, { store: `sqlite:${process.env['AFTERWORD_TEST_APPLICATION']}` })
      const task = await background.add(inserts, `${ids}in the store`)
      assert.equal(await background.result(task), `inserted ${ids}in the store`)
      assert.deepEqual(effects(`${ids}in the store`), [`${ids}in the store`])
    })

    test('in the file of the store refuses context.once, which would wait for its end; in another file it may be used', async (t) => {
      const shared = scene(t, { store: `sqlite:${process.env['AFTERWORD_TEST_APPLICATION']}` })
      const { error } = await shared.until('attempt:failed', (await shared.background.add(keeps, `${ids}keeps`)).id)
      assert.deepEqual([error?.code, effects(`${ids}keeps`)], ['ONCE_IN_TRANSACTION', []])
      const { background } = scene(t, { store: `sqlite:${databaseFile(t)}` })
      assert.equal(await background.result(await background.add(keeps, `${ids}keeps`)), 7)
    })

    test('that only the background has is unknown there, and the error says where to put it', async (t) => {
      const { background, until } = scene(t, { sessions: { dB: nodeSqliteSession(database) } })
      const { error } = await until('attempt:failed', (await background.add(asks)).id)
      assert.equal(error?.code, 'SESSION_UNKNOWN')
      assert.match(error.message, /no session "dB"[^]*here are: db[^]*in the definition, which a thread/)
    })

    test('refuses what was left of it, and names whose it was and who uses it', async (t) => {
      const { background, until } = scene(t)
      await background.result(await background.add(leaves))
      const { error } = await until('attempt:failed', (await background.add(takes)).id)
      assert.equal(error?.code, 'SESSION_ENDED')
      assert.match(error.message, new RegExp(`task "${leaves.name}".*used by task "${takes.name}"`))
    })
  })
}
