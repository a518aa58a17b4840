/** How a lab begins and ends, and what it leaves behind. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Background, defineTask, isAfterwordError, type Logger } from '../../src/index.ts'
import * as testing from '../../src/testing/index.ts'
import { gate } from '../support/bench.ts'

const { testBackground, TasksFailed } = testing
const fine = defineTask({ name: 'fine', run: () => undefined })
const failing = defineTask({ name: 'failing', retry: { attempts: 1 }, run: () => Promise.reject(new Error('wrong')) })

test('afterword/testing exports these names', () => {
  assert.deepEqual(Object.keys(testing).toSorted(), ['TasksFailed', 'testBackground'])
})

describe('testBackground', () => {
  test('gives a real background that has started', async () => {
    await using lab = await testBackground({ tasks: [fine] })
    assert.ok(lab.background instanceof Background)
    assert.equal(lab.app, undefined)
    const { id } = await lab.background.add(fine)
    assert.equal((await lab.background.get(id))?.state, 'ready')
    assert.match((await lab.background.explain(id)).text, /ready/)
  })

  test('takes the options of createBackground and refuses what they refuse', async () => {
    for (const options of [{ concurrency: 0 }, { concurency: 1 }, { tasks: [{}] }, { run: 'never' }]) {
      await assert.rejects(testBackground(options as never), (error) => isAfterwordError(error))
    }
  })

  test('takes no store: it is in memory', async () => {
    // @ts-expect-error there is no such option
    await assert.rejects(testBackground({ store: 'memory:' }), (error) => isAfterwordError(error, 'OPTION_UNKNOWN'))
  })

  test('logs nothing, but to a logger that is given', async (t) => {
    const written = t.mock.method(process.stderr, 'write', () => true)
    const lines: string[] = []
    const note: Logger['warn'] = (_, message) => void lines.push(message ?? '')
    const logger = { debug() {}, info() {}, warn: note, error: note }
    for (const options of [{}, { logger }]) {
      await using lab = await testBackground({ ...options, tasks: [failing] })
      await lab.background.add(failing)
      await lab.step()
    }
    assert.deepEqual(
      [written.mock.callCount(), lines],
      [0, ['attempt 1 of "failing" failed, and it was the last: wrong']],
    )
  })

  test('stops the background when the application cannot be built', async () => {
    let background: Background | undefined
    const build = (given: Background): never => {
      background = given
      throw new Error('no app')
    }
    await assert.rejects(testBackground({ tasks: [fine] }, build), /^Error: no app$/)
    await assert.rejects(background!.add(fine), (error) => isAfterwordError(error, 'BACKGROUND_STOPPED'))
  })
})

describe('the end of a lab', () => {
  test('leaves no timer, no socket and no file behind', async () => {
    const before = process.getActiveResourcesInfo().toSorted()
    {
      await using lab = await testBackground({ tasks: [fine], run: 'auto' })
      await lab.background.add(fine)
      await lab.background.add(fine, undefined, { delay: '1h' })
      await lab.crash()
      await lab.advance('30m')
    }
    assert.deepEqual(process.getActiveResourcesInfo().toSorted(), before)
  })

  test('does not mind tasks that have not run', async () => {
    await using lab = await testBackground({ tasks: [fine] })
    await lab.background.add(fine)
  })

  test('stops what runs', async () => {
    const begun = gate()
    const kinds: unknown[] = []
    const endless = defineTask({
      name: 'endless',
      run(_: undefined, { signal }) {
        signal.addEventListener('abort', () => kinds.push((signal.reason as { kind: string }).kind))
        begun.open()
        return new Promise<never>(() => {})
      },
    })
    {
      await using lab = await testBackground({ tasks: [endless], run: 'auto' })
      await lab.background.add(endless)
      await begun.opened
    }
    assert.deepEqual(kinds, ['shutdown'])
  })

  test('throws what has failed and nobody has looked at', async () => {
    const lab = await testBackground({ tasks: [failing], run: 'auto' })
    await lab.background.add(failing)
    await lab.advance(0)
    await assert.rejects(
      async () => lab[Symbol.asyncDispose](),
      (error) => error instanceof TasksFailed && error.failures.length === 1,
    )
  })

  test('does not throw what was looked at', async () => {
    await using lab = await testBackground({ tasks: [failing], run: 'auto' })
    await lab.background.add(failing)
    await lab.advance(0)
    assert.equal(lab.failures.length, 1)
  })

  test('comes once, and after a background that was stopped', async () => {
    const lab = await testBackground({ tasks: [fine] })
    await lab.background.stop()
    await lab[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
  })

  test('leaves what was added to be looked at', async () => {
    const lab = await testBackground({ tasks: [fine] })
    await lab.background.add(fine)
    await lab[Symbol.asyncDispose]()
    assert.equal(lab.added(fine).length, 1)
  })
})
