/**
 * Crashes at named points: what is kept, what runs again, and what the counters say. The dead process is cut off from the
 * store at the very point, as SIGKILL would do it; the next one rescues what it had claimed.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Background, defineTask, type TaskContext } from '../../src/index.ts'
import { type CrashPoint, type Lab, testBackground } from '../../src/testing/index.ts'
import { gate } from '../support/bench.ts'

interface Run {
  readonly input: string
  readonly attempt: number
  readonly crashes: number
}

/** A task that notes each of its runs, and one that another task adds. */
function noting() {
  const runs: Run[] = []
  const note = defineTask({
    name: 'note',
    run: (input: string, { attempt, crashes }) => void runs.push({ input, attempt, crashes }),
  })
  return { runs, note }
}

const states = (lab: Lab): string[] => lab.added().map(({ state }) => state)

for (const mode of ['manual', 'auto'] as const) {
  describe(`before-run, ${mode}`, () => {
    test('the task had not run, and runs as its second attempt', async () => {
      const { runs, note } = noting()
      await using lab = await testBackground({ tasks: [note], run: mode })
      const during = (): unknown => lab.background.add(note, 'a')
      if (mode === 'manual') await during()
      await lab.crash({ at: 'before-run', task: note, ...(mode === 'auto' ? { during } : {}) })
      if (mode === 'manual') assert.deepEqual([runs, states(lab)], [[], ['ready']])
      await lab.run()
      assert.deepEqual(runs, [{ input: 'a', attempt: 2, crashes: 1 }])
      const [task] = lab.added(note)
      assert.deepEqual([task?.state, task?.attempt, task?.crashes, task?.handBacks], ['succeeded', 2, 1, 0])
    })
  })

  describe(`after-run, ${mode}`, () => {
    test('the task had run, and runs twice', async () => {
      const { runs, note } = noting()
      await using lab = await testBackground({ tasks: [note], run: mode })
      const during = (): unknown => lab.background.add(note, 'a')
      if (mode === 'manual') await during()
      await lab.crash({ at: 'after-run', task: note, ...(mode === 'auto' ? { during } : {}) })
      await lab.run()
      assert.deepEqual(runs, [
        { input: 'a', attempt: 1, crashes: 0 },
        { input: 'a', attempt: 2, crashes: 1 },
      ])
      assert.deepEqual(states(lab), ['succeeded'])
    })
  })

  describe(`before-commit, ${mode}`, () => {
    test('nothing is kept, and nobody hears that it was', async () => {
      const { runs, note } = noting()
      await using lab = await testBackground({ tasks: [note], run: mode })
      const heard: string[] = []
      await lab.crash({
        at: 'before-commit',
        task: note,
        during: async () => {
          await lab.background.add(note, 'a')
          heard.push('acknowledged')
        },
      })
      await lab.run()
      assert.deepEqual([heard, lab.added(), runs], [[], [], []])
    })
  })

  describe(`after-commit, ${mode}`, () => {
    test('the task is kept, although nobody heard of it', async () => {
      const { runs, note } = noting()
      await using lab = await testBackground({ tasks: [note], run: mode })
      const heard: string[] = []
      await lab.crash({
        at: 'after-commit',
        task: note,
        during: async () => {
          await lab.background.add(note, 'a')
          heard.push('acknowledged')
        },
      })
      await lab.run()
      // Claimed as it was inserted, in auto mode: then its worker has died holding it.
      const crashed = mode === 'auto' ? 1 : 0
      assert.deepEqual([heard, runs], [[], [{ input: 'a', attempt: 1 + crashed, crashes: crashed }]])
    })
  })
}

describe('a crash', () => {
  test('needs no point: the process dies where it stands', async () => {
    const begun = gate()
    const contexts: TaskContext[] = []
    const slow = defineTask({
      name: 'slow',
      run(_: undefined, context) {
        contexts.push(context)
        begun.open()
        return context.attempt === 1 ? new Promise<void>(() => {}) : undefined
      },
    })
    await using lab = await testBackground({ tasks: [slow] })
    await lab.background.add(slow)
    const stepping = lab.step()
    await begun.opened
    await lab.crash()
    assert.deepEqual([(await stepping)?.state, (await stepping)?.attempt], ['crashed', 1])
    await lab.run()
    assert.deepEqual([contexts.length, ...states(lab)], [2, 'succeeded'])
    assert.equal(contexts[0]?.signal.aborted, false)
  })

  test('ends a run() that is under way', async () => {
    const begun = gate()
    const slow = defineTask({
      name: 'slow',
      run(_: undefined, { attempt }) {
        begun.open()
        return attempt === 1 ? new Promise<void>(() => {}) : undefined
      },
    })
    await using lab = await testBackground({ tasks: [slow] })
    await lab.background.add(slow)
    const running = lab.run('1h')
    const { now } = lab
    await begun.opened
    await lab.advance(0)
    await lab.crash()
    assert.deepEqual([await running, lab.now], [[], now])
    assert.equal((await lab.run()).length, 1)
  })

  test('may come from a task itself', async () => {
    const fatal = defineTask({
      name: 'fatal',
      async run(_: undefined, { attempt }) {
        if (attempt === 1) await lab.crash()
        return attempt
      },
    })
    await using lab = await testBackground({ tasks: [fatal] })
    await lab.background.add(fatal)
    assert.deepEqual(await lab.run(), [])
    await lab.run()
    assert.equal(lab.added(fatal)[0]?.result, 2)
  })

  test('lets the tasks before it end, one after another', async () => {
    const { runs, note } = noting()
    const victim = defineTask({ name: 'victim', run: () => undefined })
    await using lab = await testBackground({ tasks: [note, victim] })
    await lab.background.add(note, 'before')
    await lab.background.add(victim)
    await lab.background.add(note, 'behind')
    await lab.crash({ at: 'before-run', task: victim })
    assert.deepEqual([runs.map(({ input }) => input), states(lab)], [['before'], ['succeeded', 'ready', 'ready']])
  })

  test('takes the first task that comes when none is named', async () => {
    const { runs, note } = noting()
    await using lab = await testBackground({ tasks: [note] })
    for (const input of ['a', 'b']) await lab.background.add(note, input)
    await lab.crash({ at: 'after-run' })
    await lab.run()
    assert.deepEqual(
      runs.map(({ input, attempt }) => `${input}${attempt}`),
      // What has crashed begins a moment later: that is written down first.
      ['a1', 'b1', 'a2'],
    )
  })

  test('takes all with it that was claimed, when all that is due runs at once', async () => {
    const { runs, note } = noting()
    await using lab = await testBackground({ tasks: [note] })
    for (const input of ['a', 'b']) await lab.background.add(note, input)
    await lab.crash({ at: 'before-run', task: note, during: () => lab.run() })
    assert.deepEqual(runs, [])
    await lab.run()
    assert.deepEqual(
      runs.map(({ crashes }) => crashes),
      [1, 1],
    )
  })

  test('can hit what a task adds', async () => {
    const { runs, note } = noting()
    const parent = defineTask({
      name: 'parent',
      run: async () => void (await lab.background.add(note, 'child', { id: 'child' })),
    })
    await using lab = await testBackground({ tasks: [parent, note] })
    await lab.background.add(parent)
    await lab.crash({ at: 'before-commit', task: note })
    assert.deepEqual(states(lab), ['ready'])
    await lab.crash({ at: 'after-commit', task: note })
    assert.deepEqual(states(lab), ['ready', 'ready'])
    await lab.run()
    assert.deepEqual([runs.length, ...states(lab)], [1, 'succeeded', 'succeeded'])
  })

  test('keeps the order of a series', async () => {
    const { runs, note } = noting()
    await using lab = await testBackground({ tasks: [note] })
    await lab.respond(200, (list) => {
      for (const input of ['a', 'b', 'c']) list.add(note, input)
    })
    await lab.step()
    await lab.crash({ at: 'after-run', task: note })
    assert.deepEqual(states(lab), ['succeeded', 'ready', 'waiting'])
    await lab.run()
    assert.deepEqual(
      runs.map(({ input }) => input),
      ['a', 'b', 'b', 'c'],
    )
  })

  test('for the third time puts the task aside', async () => {
    const { runs, note } = noting()
    await using lab = await testBackground({ tasks: [note] })
    await lab.background.add(note, 'a')
    for (const state of ['ready', 'ready', 'quarantined']) {
      await lab.crash({ at: 'before-run', task: note })
      assert.deepEqual(states(lab), [state])
    }
    assert.deepEqual([await lab.run(), runs], [[], []])
    assert.equal(lab.added()[0]?.error?.code, 'ATTEMPT_CRASHED')
    await lab.background.requeue(lab.added()[0]!.id)
    await lab.run()
    assert.deepEqual(states(lab), ['succeeded'])
  })

  test('leaves nothing of what the dead process does afterwards', async () => {
    const open = gate()
    const begun = gate()
    const slow = defineTask({
      name: 'slow',
      async run(_: undefined, context) {
        begun.open()
        if (context.attempt > 1) return 'second'
        await open.opened
        context.progress('half')
        return 'first'
      },
    })
    await using lab = await testBackground({ tasks: [slow] })
    await lab.background.add(slow)
    const dead = lab.background
    const stepping = lab.step()
    await begun.opened
    await lab.crash()
    await stepping
    open.open()
    let settled = false
    for (const call of [dead.add(slow), dead.get('x'), dead.counts()]) void call.finally(() => (settled = true))
    await lab.run('1h')
    const [task] = lab.added(slow)
    assert.deepEqual([lab.added().length, task?.result, task?.progress, settled], [1, 'second', undefined, false])
    assert.deepEqual(await dead.stop(), { finished: 0, handedBack: [], abandoned: [], leftToRescue: [], deferred: 0 })
  })

  test('leaves nothing of what anybody asks of the dead background', async () => {
    const { note } = noting()
    await using lab = await testBackground({ tasks: [note] })
    const { id } = await lab.background.add(note, 'a')
    const dead = lab.background
    await lab.crash()
    let settled = false
    for (const call of [dead.cancel(id), dead.pause('default'), dead.add(note, 'b')]) {
      void call.finally(() => (settled = true))
    }
    await lab.run('1h')
    assert.deepEqual([states(lab), settled], [['succeeded'], false])
  })

  test('comes before what the dead process was about to begin', async () => {
    const { runs, note } = noting()
    await using lab = await testBackground({ tasks: [note], run: 'auto' })
    await lab.background.add(note, 'a')
    await lab.crash()
    await lab.run()
    assert.deepEqual(runs, [{ input: 'a', attempt: 2, crashes: 1 }])
  })

  test('keeps scheduled tasks and the clock', async () => {
    const { runs, note } = noting()
    await using lab = await testBackground({ tasks: [note] })
    await lab.background.add(note, 'later', { delay: '1h' })
    await lab.advance('30m')
    const { now } = lab
    await lab.crash()
    assert.deepEqual([lab.now, states(lab)], [now, ['scheduled']])
    await lab.run('30m')
    assert.equal(runs.length, 1)
  })

  test('builds the application anew', async () => {
    const { note } = noting()
    const build = (background: Background): { readonly signUp: () => Promise<unknown> } => ({
      signUp: () => background.add(note, 'a'),
    })
    await using lab = await testBackground({ tasks: [note] }, build)
    const [app, background] = [lab.app, lab.background]
    await lab.crash({ at: 'before-commit', during: () => lab.app.signUp() })
    assert.notEqual(lab.app, app)
    assert.notEqual(lab.background, background)
    await lab.app.signUp()
    lab.expectAdded(note, 'a')
  })

  test('that does not come is an error', async () => {
    const { note } = noting()
    await using lab = await testBackground({ tasks: [note] })
    const points: readonly CrashPoint[] = ['before-run', 'after-run', 'before-commit', 'after-commit']
    for (const at of points) {
      await assert.rejects(lab.crash({ at, task: note }), new RegExp(`${at} of "note" was not reached`))
    }
    const refused = new Error('refused')
    await assert.rejects(lab.crash({ at: 'before-commit', during: () => Promise.reject(refused) }), { cause: refused })
    await lab.background.add(note, 'a')
    assert.equal((await lab.run()).length, 1)
  })
})

describe('lab.restart', () => {
  test('hands back what runs, unspent, and tells it to stop', async () => {
    const begun = gate()
    const kinds: string[] = []
    const slow = defineTask({
      name: 'slow',
      run(_: undefined, { attempt, crashes, signal }) {
        kinds.push(`attempt ${attempt}, ${crashes} crashes`)
        begun.open()
        if (kinds.length > 1) return undefined
        return new Promise<void>((_, reject) => {
          signal.addEventListener('abort', () => {
            kinds.push((signal.reason as { kind: string }).kind)
            reject(signal.reason as Error)
          })
        })
      },
    })
    await using lab = await testBackground({ tasks: [slow] })
    await lab.background.add(slow)
    const stepping = lab.step()
    await begun.opened
    await lab.restart()
    assert.equal((await stepping)?.state, 'ready')
    await lab.run()
    assert.deepEqual(kinds, ['attempt 1, 0 crashes', 'shutdown', 'attempt 1, 0 crashes'])
    assert.deepEqual([lab.added()[0]?.handBacks, ...states(lab)], [1, 'succeeded'])
  })
})
