/** What a task in a thread, and in a child process, adds with `context.add`: checked there, and stored with its success. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test, type TestContext } from 'node:test'
import type { BackgroundOptions } from '../../src/background-options.ts'
import { bench } from '../support/bench.ts'
import { inForm, next, tells } from './children/added-tasks.ts'

const folder = mkdtempSync(join(tmpdir(), 'afterword-'))
process.env['AFTERWORD_TEST_APPLICATION'] = join(folder, 'application.db')
const { database, effects, inProcess, inThread } = await import('./children/session-tasks.ts')
after(() => {
  database.close()
  rmSync(folder, { recursive: true })
})

for (const { kind, adds, addsWrongly, addsMany, addsTeller, waitsForAdded } of [inThread, inProcess]) {
  const all = [adds, addsWrongly, addsMany, addsTeller, waitsForAdded, next, inForm, tells]
  const scene = (t: TestContext, options: BackgroundOptions = {}) => bench(t, { tasks: all, threads: 1, ...options })

  describe(`what a task in a ${kind} adds`, () => {
    test('is stored with its success, with the options that it gave', async (t) => {
      const { background, row, events } = scene(t)
      const id = await background.result(await background.add(adds, { id: `${kind} adds` }))
      assert.equal(await background.result({ id }), `${kind} adds`)
      const { state, priority, queue } = await row(`${kind} adds with an id of its own`)
      assert.deepEqual([state, priority, queue], ['ready', 7, 'other'])
      const { tasks: due } = await background.list({ name: next.name, state: 'scheduled' })
      assert.equal(Math.round((due[0]!.dueAt!.getTime() - due[0]!.addedAt.getTime()) / 3_600_000), 1)
      assert.deepEqual(effects(`${kind} adds`), [`${kind} adds`])
      const told = events.all('task:added').map(({ task, state: as }) => `${task.name} ${as}`)
      assert.deepEqual(told, [`${adds.name} running`, 'next ready', 'next ready', 'next scheduled'])
    })

    test('has the request and the carried data of the task that added it', async (t) => {
      const { background } = scene(t, { carry: () => ({ tenant: 'a' }) })
      const scope = background.attach(undefined, { id: 'request-1' })
      const { id } = scope.tasks.add(addsTeller)
      await scope.settle(200)
      scope.close()
      const told = await background.result<typeof tells>(await background.result<typeof addsTeller>(id))
      assert.deepEqual(told, { requestId: 'request-1', carried: { tenant: 'a' } })
    })

    test('is not stored when it fails', async (t) => {
      const { background, until } = scene(t)
      await until('attempt:failed', (await background.add(adds, { id: `${kind} fails`, fails: true })).id)
      const { tasks } = await background.list({ name: next.name })
      assert.deepEqual([tasks, effects(`${kind} fails`)], [[], []])
    })

    test('is checked there: the definition, the input, its size, the options', async (t) => {
      const { background } = scene(t, { inputBytesMax: 400 })
      assert.deepEqual(await background.result(await background.add(addsWrongly)), [
        'TASK_NOT_REGISTERED',
        'TASK_NOT_REGISTERED',
        'TASK_INPUT_INVALID',
        'TASK_INPUT_TOO_LARGE',
        'DURATION_INVALID',
      ])
    })

    test('is bounded by bufferMax and by backlogMax', async (t) => {
      const few = scene(t, { bufferMax: 3 })
      assert.equal(await few.background.result(await few.background.add(addsMany, 3)), 3)
      const tooMany = await few.until('attempt:failed', (await few.background.add(addsMany, 4)).id)
      assert.equal(tooMany.error?.code, 'BUFFER_FULL')
      const full = scene(t, { backlogMax: 1 })
      const noRoom = await full.until('attempt:failed', (await full.background.add(addsMany, 1)).id)
      assert.equal(noRoom.error?.code, 'BACKLOG_FULL')
    })

    test('leaves the buffer of the process with its end, also when it is refused', async (t) => {
      const { background } = scene(t, { bufferMax: 3 })
      for (let i = 0; i < 3; i++) await background.result(await background.add(addsMany, 3))
      assert.equal((await background.list({ name: next.name })).tasks.length, 9)
    })

    test('cannot be waited for there, and the error says why', async (t) => {
      const { background, until } = scene(t)
      const { error } = await until('attempt:failed', (await background.add(waitsForAdded)).id)
      assert.equal(error?.code, 'ADDED_IN_ISOLATE')
    })
  })
}
