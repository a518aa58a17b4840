/** The clock of a lab: it stands still until the test moves it, and what depends on it happens at its exact time. */
import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { defineTask, isAfterwordError, retryAfter } from '../../src/index.ts'
import { type Lab, testBackground } from '../../src/testing/index.ts'
import { gate, untilAborted } from '../support/bench.ts'

const note = defineTask({ name: 'note', run: (word: string) => word })
const failing = defineTask({
  name: 'failing',
  retry: { attempts: 4, base: '1s', cap: '3s' },
  run: () => Promise.reject(new Error('not yet')),
})

/** The state of each task, in the order added. */
const states = (lab: Lab): string[] => lab.added().map(({ state }) => state)

describe('lab.now', () => {
  test('is the time of the call at first, or the one that is given', async () => {
    const before = Date.now()
    await using lab = await testBackground()
    assert.ok(lab.now.getTime() >= before && lab.now.getTime() <= Date.now())
    const given = new Date('2031-05-06T07:08:09.010Z')
    await using one = await testBackground({ now: given })
    await using other = await testBackground({ now: given.getTime() })
    assert.deepEqual([one.now, other.now], [given, given])
  })

  test('stands still while tasks run', async () => {
    await using lab = await testBackground({ tasks: [note] })
    const { now } = lab
    for (const word of ['a', 'b', 'c']) await lab.background.add(note, word)
    await lab.run()
    assert.deepEqual(lab.now, now)
  })

  test('may lie before any real task, whose order is kept all the same', async () => {
    await using lab = await testBackground({ tasks: [note], now: 0 })
    const words = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const word of words) await lab.background.add(note, word)
    const order: unknown[] = []
    for (let attempt = await lab.step(); attempt !== undefined; attempt = await lab.step()) order.push(attempt.input)
    assert.deepEqual(order, words)
    assert.equal(lab.added(note)[0]?.addedAt.getTime(), 0)
  })

  test('is refused when it is no time', async () => {
    for (const now of [new Date(NaN), Infinity, '2026' as never]) {
      await assert.rejects(testBackground({ now }), (error) => isAfterwordError(error, 'OPTION_INVALID'))
    }
  })
})

describe('lab.advance', () => {
  test('makes a delayed task ready at its exact time, and does not run it', async () => {
    await using lab = await testBackground({ tasks: [note] })
    await lab.background.add(note, 'late', { delay: '2h' })
    await lab.advance('1h')
    await lab.advance(3_600_000 - 1)
    assert.deepEqual(states(lab), ['scheduled'])
    await lab.advance(1)
    assert.deepEqual(states(lab), ['ready'])
  })

  test('makes a task ready at the date that it was given', async () => {
    await using lab = await testBackground({ tasks: [note], now: new Date('2030-01-01T00:00Z') })
    await lab.background.add(note, 'new year', { runAt: new Date('2031-01-01T00:00Z') })
    await lab.advance('364d')
    assert.deepEqual(states(lab), ['scheduled'])
    await lab.advance('1d')
    assert.deepEqual(states(lab), ['ready'])
  })

  test('moves the clock under attempts that are under way', async () => {
    const begun = gate()
    const reasons: unknown[] = []
    const slow = defineTask({
      name: 'slow',
      timeout: '30s',
      retry: { attempts: 1 },
      async run(_: undefined, { signal }) {
        begun.open()
        await untilAborted(signal).catch((reason: unknown) => reasons.push(reason))
        throw new Error('too slow')
      },
    })
    await using lab = await testBackground({ tasks: [slow] })
    await lab.background.add(slow)
    const running = assert.rejects(lab.run(), /longer than its timeout of 30000 ms/)
    await begun.opened
    await lab.advance('30s')
    await running
    assert.equal(reasons.length, 1)
  })

  test('gives up an attempt that ignores its signal', async () => {
    const begun = gate()
    const deaf = defineTask({
      name: 'deaf',
      timeout: '1s',
      retry: { attempts: 1 },
      run() {
        begun.open()
        return new Promise<never>(() => {})
      },
    })
    await using lab = await testBackground({ tasks: [deaf], abandonAfter: '5s' })
    await lab.background.add(deaf)
    const running = assert.rejects(lab.run())
    await begun.opened
    await lab.advance('5999ms')
    assert.deepEqual(states(lab), ['running'])
    await lab.advance(1)
    await running
    assert.deepEqual(states(lab), ['failed'])
  })

  test('passes months in a moment', async () => {
    await using lab = await testBackground({ tasks: [note] })
    await lab.background.add(note, 'renewal', { delay: '365d' })
    await lab.run('365d')
    assert.deepEqual(states(lab), ['succeeded'])
  })

  test('lets retention remove what is old', async () => {
    await using lab = await testBackground({ tasks: [note], retention: { succeeded: '1d' } })
    const { id } = await lab.background.add(note, 'old')
    await lab.run()
    await lab.advance('23h')
    assert.equal((await lab.background.get(id))?.state, 'succeeded')
    await lab.advance('2h')
    assert.equal(await lab.background.get(id), undefined)
    assert.deepEqual(states(lab), ['succeeded'])
  })

  test('refuses what is no duration', async () => {
    await using lab = await testBackground()
    await assert.rejects(lab.advance(-1), (error) => isAfterwordError(error, 'DURATION_INVALID'))
  })
})

describe('retries', () => {
  test('wait for the bounds of their backoff, doubling up to the cap', async () => {
    await using lab = await testBackground({ tasks: [failing] })
    await lab.background.add(failing)
    const waits: unknown[] = []
    for (let attempt = await lab.step(); attempt !== undefined; attempt = await lab.step()) {
      const { retryInMs } = attempt
      waits.push(retryInMs)
      if (retryInMs === undefined) break
      await lab.advance(retryInMs - 1)
      assert.deepEqual(states(lab), ['scheduled'])
      await lab.advance(1)
      assert.deepEqual(states(lab), ['ready'])
    }
    assert.deepEqual(waits, [1_000, 2_000, 3_000, undefined])
  })

  test('wait for less with another chance', async () => {
    await using lab = await testBackground({ tasks: [failing], chance: 0.25 })
    await lab.background.add(failing)
    assert.equal((await lab.step())?.retryInMs, 250)
    await assert.rejects(testBackground({ chance: 2 }), (error) => isAfterwordError(error, 'OPTION_INVALID'))
  })

  test('come at once when there is nothing to wait for', async () => {
    await using lab = await testBackground({ tasks: [failing], chance: 0 })
    await lab.background.add(failing)
    await assert.rejects(lab.run())
    assert.equal(lab.failures.length, 4)
    assert.deepEqual(states(lab), ['failed'])
  })

  test('come after exactly what retryAfter says', async () => {
    const patient = defineTask({
      name: 'patient',
      run: (_: undefined, { attempt }) => (attempt === 1 ? Promise.reject(retryAfter('90s')) : 'done'),
    })
    await using lab = await testBackground({ tasks: [patient] })
    await lab.background.add(patient)
    await lab.run()
    assert.deepEqual(await lab.run('89999ms'), [])
    assert.deepEqual((await lab.run(1)).length, 1)
  })
})

describe('lab.run with a duration', () => {
  test('runs each task at its time', async () => {
    const at: [string, number][] = []
    const stamp = defineTask({ name: 'stamp', run: (word: string) => void at.push([word, lab.now.getTime() - begun]) })
    await using lab = await testBackground({ tasks: [stamp, failing] })
    const begun = lab.now.getTime()
    await lab.background.add(stamp, 'b', { delay: '2h' })
    await lab.background.add(stamp, 'a', { delay: '1h' })
    await lab.background.add(stamp, 'c', { delay: '3h' })
    await lab.background.add(stamp, 'now')
    await lab.run('2h')
    assert.deepEqual(at, [
      ['now', 0],
      ['a', 3_600_000],
      ['b', 7_200_000],
    ])
    assert.equal(lab.now.getTime() - begun, 7_200_000)
  })

  test('runs a task with its retries to the end', async () => {
    await using lab = await testBackground({ tasks: [failing] })
    const begun = lab.now.getTime()
    await lab.background.add(failing)
    await assert.rejects(lab.run('1m'), /Tasks have failed/)
    assert.deepEqual([lab.failures.length, ...states(lab)], [4, 'failed'])
    assert.equal(lab.added()[0]?.finishedAt?.getTime(), begun + 6_000)
  })

  test('waits for each attempt before time goes on', async () => {
    const order: string[] = []
    const slow = defineTask({
      name: 'slow',
      async run(word: string) {
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
        order.push(`${word} at ${lab.now.getTime() - begun}`)
      },
    })
    await using lab = await testBackground({ tasks: [slow] })
    const begun = lab.now.getTime()
    await lab.background.add(slow, 'b', { delay: 10 })
    await lab.background.add(slow, 'a')
    await lab.run(20)
    assert.deepEqual(order, ['a at 0', 'b at 10'])
  })
})

describe('under fake timers', () => {
  test('a lab runs, advances and stops', async (t) => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'], now: 1_000 })
    t.after(() => mock.timers.reset())
    await using lab = await testBackground({ tasks: [note, failing] })
    assert.equal(lab.now.getTime(), 1_000)
    await lab.respond(200, (list) => list.add(note, 'now'))
    await lab.background.add(note, 'later', { delay: '1d' })
    assert.equal((await lab.run('1d')).length, 2)
    assert.equal(Date.now(), 1_000)
  })
})
