/** Several processes on one file. They are real ones, stopped and killed for real. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { bench, databaseFile, folder } from '../support/bench.ts'
import { DEFINITIONS, dies, heeds, note, tell } from '../support/definitions.ts'
import { TaskProcess } from '../support/task-process.ts'

/** A background in this process on that file, that hears of nothing by its poll. */
function here(t: TestContext, file: string, options: Parameters<typeof bench>[1] = {}) {
  return bench(t, { store: `sqlite:${file}`, tasks: DEFINITIONS, poll: '1h', ...options })
}

const linesOf = (file: string): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1)

describe('a task that is added in one process', () => {
  test('runs in another at once: nobody waits for a poll', async (t) => {
    const file = databaseFile(t)
    const runs = await TaskProcess.started(t, file, { poll: '1h' })
    const { background } = here(t, file, { works: false })
    await background.start()
    for (let i = 0; i < 3; i++) await runs.until('attempt:end', (await background.add(tell)).id)
  })

  test('gives its result here', async (t) => {
    const file = databaseFile(t)
    const runs = await TaskProcess.started(t, file, { poll: '1h' })
    const { background } = here(t, file, { works: false })
    const { id } = await background.add(tell)
    assert.deepEqual(await background.result(id), { attempt: 1, crashes: 0, pid: runs.child.pid })
  })

  test('is cancelled from here while it runs there', async (t) => {
    const file = databaseFile(t)
    const runs = await TaskProcess.started(t, file, { poll: '1h' })
    const { background } = here(t, file, { works: false })
    const { id } = await background.add(heeds)
    await runs.until('attempt:start', id)
    assert.equal(await background.cancel(id), 'requested')
    assert.equal((await runs.until('attempt:end', id)).state, 'cancelled')
  })

  test('runs once, however many could run it', async (t) => {
    const file = databaseFile(t)
    const notes = join(folder(t), 'notes')
    const runs = await Promise.all([1, 2].map(() => TaskProcess.started(t, file, { poll: '1h', concurrency: 2 })))
    const { background } = here(t, file, { concurrency: 2 })
    const texts = Array.from({ length: 200 }, (_, i) => `note ${i}`)
    const added = await Promise.all(texts.map((text) => background.add(note, { file: notes, text })))
    await Promise.all(added.map(({ id }) => background.result(id)))
    assert.deepEqual(linesOf(notes).sort(), texts.sort())
    assert.equal(
      runs.every(({ events }) => events.all('claim:lost').length === 0),
      true,
    )
  })
})

describe('when a process is killed', () => {
  test('another one takes its tasks back and runs them, with the crash counted', async (t) => {
    const file = databaseFile(t)
    const run = defineTask({ name: 'heeds', run: tell.run })
    const survivor = here(t, file, { tasks: [run] })
    await survivor.background.start()
    const victim = await TaskProcess.started(t, file)
    const worker = victim.events.all('worker:registered')[0]!.worker
    const id = await victim.add('heeds')
    await victim.until('attempt:start', id)
    await victim.kill()
    assert.deepEqual(await survivor.until('worker:rescued'), { worker, requeued: [id], quarantined: [] })
    assert.deepEqual(await survivor.background.result(id), { attempt: 2, crashes: 1, pid: process.pid })
  })

  test('what had ended before stays as it is', async (t) => {
    const file = databaseFile(t)
    const survivor = here(t, file)
    await survivor.background.start()
    const victim = await TaskProcess.started(t, file)
    const done = await victim.add('tell')
    await victim.until('attempt:end', done)
    const held = await victim.add('heeds')
    await victim.until('attempt:start', held)
    await victim.kill()
    await survivor.until('attempt:start', held)
    assert.deepEqual(await survivor.background.result(done), { attempt: 1, crashes: 0, pid: victim.child.pid })
  })

  test('the next one to start takes its tasks back, when nobody was there', async (t) => {
    const file = databaseFile(t)
    const victim = await TaskProcess.started(t, file)
    const id = await victim.add('heeds')
    await victim.until('attempt:start', id)
    await victim.kill()
    const { background, until } = here(t, file, { tasks: [defineTask({ name: 'heeds', run: tell.run })] })
    await background.start()
    assert.equal((await until('attempt:end', id)).attempt.attempt, 2)
  })

  test('the rest of a series runs in its order, in another process', async (t) => {
    const file = databaseFile(t)
    const notes = join(folder(t), 'notes')
    const victim = await TaskProcess.started(t, file)
    const input = (text: string) => ({ file: notes, text })
    const ids = await victim.tell({
      do: 'respond',
      tasks: [
        { name: 'note', input: input('a') },
        { name: 'heeds', input: input('b') },
        { name: 'note', input: input('c') },
        { name: 'note', input: input('d') },
      ],
    })
    await victim.until('attempt:start', ids[1])
    await victim.kill()
    const { background, until } = here(t, file, { tasks: [note, defineTask({ name: 'heeds', run: note.run })] })
    await background.start()
    await until('attempt:end', ids[3])
    assert.deepEqual(linesOf(notes), ['a', 'b', 'c', 'd'])
  })

  test('a cancel that was asked for while it ran there ends the task', async (t) => {
    const file = databaseFile(t)
    const victim = await TaskProcess.started(t, file, { abandonAfter: '1h' })
    const { background, until, row } = here(t, file)
    await background.start()
    const id = await victim.add('ignores')
    await victim.until('attempt:start', id)
    await background.cancel(id)
    await victim.kill()
    await until('worker:rescued')
    assert.equal((await row(id)).state, 'cancelled')
  })
})

describe('when the store of a process fails for good', () => {
  test('and the process stops, others take its tasks back at once, although it lives and its lease is long', async (t) => {
    const file = databaseFile(t)
    const sick = await TaskProcess.started(t, file, { concurrency: 1, grace: 0, beat: '1m', lease: '10m', poll: '1h' })
    const { worker } = sick.events.all('worker:registered')[0]!
    const running = await sick.add('heeds')
    await sick.until('attempt:start', running)
    const waiting = await sick.add('tell')
    const survivor = here(t, file, { tasks: [tell, defineTask({ name: 'heeds', run: tell.run })] })
    await survivor.background.start()
    await sick.tell({ do: 'failStore' })
    await sick.tell({ do: 'stop' })
    const account = { finished: 0, handedBack: [], abandoned: [], leftToRescue: [waiting, running], deferred: 0 }
    assert.deepEqual(await sick.until('stopped'), account)
    const { requeued, ...rescued } = await survivor.until('worker:rescued')
    assert.deepEqual(rescued, { worker, quarantined: [] })
    assert.deepEqual(requeued.toSorted(), [running, waiting])
    const pid = process.pid
    assert.deepEqual(await survivor.background.result(running), { attempt: 2, crashes: 1, pid })
    assert.deepEqual(await survivor.background.result(waiting), { attempt: 1, crashes: 0, pid })
    assert.deepEqual(sick.events.all('attempt:start', waiting), [])
    assert.equal(sick.child.exitCode, null)
  })

  test('and nobody is there as it stops, the next one to start takes its tasks back', async (t) => {
    const file = databaseFile(t)
    const sick = await TaskProcess.started(t, file, { grace: 0, beat: '1m', lease: '10m', poll: '1h' })
    const id = await sick.add('heeds')
    await sick.until('attempt:start', id)
    await sick.tell({ do: 'failStore' })
    await sick.tell({ do: 'stop' })
    const { background } = here(t, file, { tasks: [defineTask({ name: 'heeds', run: tell.run })] })
    await background.start()
    assert.deepEqual(await background.result(id), { attempt: 2, crashes: 1, pid: process.pid })
  })
})

describe('a task that kills its process', () => {
  test('three times is quarantined with the evidence, and those beside it are unharmed', async (t) => {
    const file = databaseFile(t)
    const notes = join(folder(t), 'notes')
    const adds = here(t, file, { works: false })
    const { id } = await adds.background.add(dies)
    const texts = ['a', 'b', 'c', 'd']
    const added = []
    for (const text of texts) added.push(await adds.background.add(note, { file: notes, text }))
    for (let deaths = 0; deaths < 3; deaths++) {
      const victim = new TaskProcess(t, file, { concurrency: 1 })
      assert.equal((await victim.exited).signal, 'SIGKILL')
    }
    const heir = await TaskProcess.started(t, file)
    for (const task of added) {
      await adds.background.result(task.id)
      assert.deepEqual([(await adds.row(task.id)).attempt, (await adds.row(task.id)).crashes], [1, 0])
    }
    const { state, crashes, error } = await adds.row(id)
    assert.deepEqual(
      { state, crashes, code: error?.code },
      { state: 'quarantined', crashes: 3, code: 'ATTEMPT_CRASHED' },
    )
    assert.deepEqual(linesOf(notes).sort(), texts)
    const rescued = [...adds.events.all('worker:rescued'), ...heir.events.all('worker:rescued')]
    assert.deepEqual(
      rescued.flatMap(({ quarantined }) => quarantined),
      [id],
    )
  })
})

describe('a process that is stopped for longer than its lease', () => {
  const lease = { beat: 300, lease: '3s', poll: '1h' } as const

  test('loses its tasks to others; what it did counts for nothing, and it registers anew', async (t) => {
    const file = databaseFile(t)
    const zombie = await TaskProcess.started(t, file, { ...lease, abandonAfter: '1h' })
    const { worker } = zombie.events.all('worker:registered')[0]!
    const id = await zombie.add('waits')
    await zombie.until('attempt:start', id)
    const survivor = here(t, file, { ...lease, tasks: [defineTask({ name: 'waits', run: () => 'by the survivor' })] })
    await survivor.background.start()

    zombie.child.kill('SIGSTOP')
    assert.deepEqual(await survivor.until('worker:rescued'), { worker, requeued: [id], quarantined: [] })
    assert.equal(await survivor.background.result(id), 'by the survivor')

    zombie.child.kill('SIGCONT')
    assert.deepEqual(await zombie.until('worker:fenced'), { worker, lost: [id], stillMs: undefined })
    await zombie.tell({ do: 'release' })
    assert.equal((await zombie.until('claim:lost')).attempt.id, id)
    const { state, result, crashes } = await survivor.row(id)
    assert.deepEqual({ state, result, crashes }, { state: 'succeeded', result: 'by the survivor', crashes: 1 })

    const next = await zombie.add('tell')
    const { attempt } = await zombie.until('attempt:end', next)
    assert.equal(attempt.worker > worker, true)
  })
})
