/** What happens when an attempt takes longer than it may. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import type { AbortReason, TaskContext } from '../../src/model/definition.ts'
import { fixedChance, gate, timedBench, untilAborted } from '../support/bench.ts'

/** A task that goes on until the test opens its gate, whatever its signal says. */
function stubborn() {
  const open = gate<string>()
  const signals: AbortSignal[] = []
  const task = defineTask({
    name: 'stubborn',
    timeout: '1s',
    retry: { attempts: 1 },
    run: (_: undefined, { signal }) => {
      signals.push(signal)
      return open.opened
    },
  })
  return { task, open, signals }
}

const heeds = defineTask({
  name: 'heeds',
  timeout: '1s',
  run: (_: undefined, { signal }: TaskContext) => untilAborted(signal),
})
const quick = defineTask({ name: 'quick', run: () => 'done' })

describe('an attempt that reaches its timeout', () => {
  test('gets its signal aborted then and no sooner, with reason kind "timeout"', async (t) => {
    const { task, open, signals } = stubborn()
    const { background, clock } = timedBench(t, { tasks: [task] })
    await clock.run(background.add(task))
    await clock.advance(999)
    assert.equal(signals[0]?.aborted, false)
    await clock.advance(1)
    assert.deepEqual([signals[0].aborted, (signals[0].reason as AbortReason).kind], [true, 'timeout'])
    open.open('late')
  })

  test('and heeds its signal is repeated, with ATTEMPT_TIMEOUT as its error', async (t) => {
    const { background, clock, events } = timedBench(t, { tasks: [heeds] }, { chance: fixedChance(0.5) })
    const { id } = await clock.run(background.add(heeds))
    await clock.advance(1_100)
    const [end] = events.all('attempt:end', id)
    assert.deepEqual([end?.state, end?.error?.code], ['scheduled', 'ATTEMPT_TIMEOUT'])
    assert.match(end!.error!.message, /1000 ms/)
    assert.equal(events.all('attempt:abandoned').length, 0)
  })

  test('and heeds its signal in the last attempt has failed', async (t) => {
    const last = defineTask({ name: 'last', timeout: '1s', retry: { attempts: 1 }, run: heeds.run })
    const { background, clock, events } = timedBench(t, { tasks: [last] })
    const { id } = await clock.run(background.add(last))
    await clock.advance(1_100)
    assert.equal(events.all('attempt:end', id)[0]?.state, 'failed')
  })

  test('and returns its result nevertheless has succeeded: the work is done', async (t) => {
    const { task, open } = stubborn()
    const { background, clock, row } = timedBench(t, { tasks: [task] })
    const { id } = await clock.run(background.add(task))
    await clock.advance(2_000)
    open.open('late but done')
    await clock.advance(100)
    assert.deepEqual([(await row(id)).state, (await row(id)).result], ['succeeded', 'late but done'])
  })

  test('and goes on past abandonAfter is given up and reported', async (t) => {
    const { task, open } = stubborn()
    const { background, clock, events, row } = timedBench(t, { tasks: [task], abandonAfter: '3s' })
    const { id } = await clock.run(background.add(task))
    await clock.advance(3_990)
    assert.equal(events.all('attempt:abandoned').length, 0)
    await clock.advance(110)
    const [{ attempt, reason } = assert.fail('nothing was abandoned')] = events.all('attempt:abandoned')
    assert.deepEqual([attempt.id, attempt.attempt, reason], [id, 1, 'timeout'])
    assert.deepEqual([(await row(id)).state, (await row(id)).error?.code], ['failed', 'ATTEMPT_TIMEOUT'])
    open.open('too late')
  })

  test('and is given up frees its place for others', async (t) => {
    const { task, open } = stubborn()
    const { background, clock } = timedBench(t, { tasks: [task, quick], concurrency: 1, abandonAfter: '1s' })
    await clock.run(background.add(task))
    const { id } = await clock.run(background.add(quick))
    assert.equal(await clock.run(background.result(id)), 'done')
    assert.equal(clock.monotonicMs() >= 2_000, true)
    open.open('too late')
  })

  test('and is given up cannot change anything any more', async (t) => {
    const { task, open } = stubborn()
    const { background, clock, events, row } = timedBench(t, { tasks: [task], abandonAfter: 0 })
    const { id } = await clock.run(background.add(task))
    await clock.advance(1_100)
    open.open('too late')
    await clock.advance(100)
    assert.deepEqual([(await row(id)).state, (await row(id)).result], ['failed', undefined])
    assert.equal(events.all('attempt:end', id).length, 1)
  })

  test('and is given up reports no more progress, not even to the attempt that follows it', async (t) => {
    const contexts: TaskContext[] = []
    const hangs = defineTask({
      name: 'hangs',
      timeout: '1s',
      retry: { attempts: 2, base: 1, cap: 1 },
      run: (_: undefined, context) => {
        contexts.push(context)
        context.progress(`attempt ${context.attempt}`)
        return new Promise<void>(() => undefined)
      },
    })
    const { background, clock, events, row } = timedBench(t, { tasks: [hangs], abandonAfter: 0 })
    const { id } = await clock.run(background.add(hangs))
    await clock.advance(1_500)
    assert.equal(contexts.length, 2)
    contexts[0]!.progress('a ghost')
    await clock.advance(100)
    assert.equal((await row(id)).progress, 'attempt 2')
    assert.deepEqual(
      events.all('attempt:progress', id).map(({ value }) => value),
      ['attempt 1', 'attempt 2'],
    )
  })
})

describe('the limit of an attempt', () => {
  test('comes from the definition, else from the background', async (t) => {
    const signals = new Map<string, AbortSignal>()
    const run = (_: undefined, { name, signal }: TaskContext): Promise<never> => {
      signals.set(name, signal)
      return untilAborted(signal)
    }
    const own = defineTask({ name: 'own', timeout: '5s', run })
    const plain = defineTask({ name: 'plain', run })
    const { background, clock } = timedBench(t, { tasks: [own, plain], timeout: '2s' })
    await clock.run(Promise.all([background.add(own), background.add(plain)]))
    await clock.advance(2_000)
    assert.deepEqual([signals.get('own')?.aborted, signals.get('plain')?.aborted], [false, true])
  })

  test('is none by default', async (t) => {
    const waits = defineTask({ name: 'waits', run: (_: undefined, { signal }) => untilAborted(signal) })
    const { background, clock, events } = timedBench(t, { tasks: [waits] })
    await clock.run(background.add(waits))
    await clock.advance(3_600_000)
    assert.equal(events.all('attempt:end').length, 0)
  })
})
