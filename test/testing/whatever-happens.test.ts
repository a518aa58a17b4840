/**
 * Random stories: tasks are added in every way, some fail, processes crash and restart, time passes. After each step what
 * `lab.added` shows has to be what the store holds, and at the end every task that was acknowledged has to have ended.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type AddOptions, defineTask } from '../../src/index.ts'
import { type CrashPoint, type Lab, testBackground } from '../../src/testing/index.ts'

/** What a task does in its attempts; the last word holds for all that follow. */
type Script = readonly ('succeed' | 'fail' | 'add')[]

const scripted = defineTask({
  name: 'scripted',
  retry: { attempts: 3, base: '10s', cap: '1m' },
  async run(script: Script, { attempt }) {
    const word = script[Math.min(attempt, script.length) - 1]
    if (word === 'fail') throw new Error('as told')
    if (word === 'add') await current!.background.add(scripted, ['succeed'])
  },
})
let current: Lab | undefined

const script = fc.array(fc.constantFrom('succeed', 'fail', 'add'), {
  minLength: 1,
  maxLength: 3,
}) as fc.Arbitrary<Script>
const options = fc.record(
  {
    delay: fc.constantFrom(0, 1, '15s', '2m'),
    priority: fc.integer({ min: -1, max: 1 }),
    id: fc.constantFrom('one', 'two', 'three'),
    parallel: fc.boolean(),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<AddOptions>
const point = fc.constantFrom<CrashPoint>('before-run', 'after-run', 'before-commit', 'after-commit')
const story = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('respond' as const),
      status: fc.constantFrom(200, 500),
      tasks: fc.array(fc.tuple(script, options), { maxLength: 4 }),
    }),
    fc.record({ do: fc.constant('step' as const) }),
    fc.record({ do: fc.constant('run' as const), duration: fc.constantFrom(0, '12s', '3m') }),
    fc.record({ do: fc.constant('advance' as const), duration: fc.constantFrom(1, '10s', '1h') }),
    fc.record({ do: fc.constant('crash' as const), at: fc.option(point, { nil: undefined }), script }),
    fc.record({ do: fc.constant('restart' as const) }),
    fc.record({ do: fc.constantFrom('cancel' as const, 'requeue' as const), index: fc.nat(20) }),
    fc.record({ do: fc.constantFrom('pause' as const, 'resume' as const) }),
  ),
  { maxLength: 25 },
)
type Step = typeof story extends fc.Arbitrary<(infer S)[]> ? S : never

async function perform(lab: Lab, step: Step): Promise<unknown> {
  const { background } = lab
  switch (step.do) {
    case 'respond':
      return lab.respond(step.status, (list) => {
        for (const [words, given] of step.tasks) list.add(scripted, words, given)
      })
    case 'step':
      return lab.step()
    case 'run':
      return lab.run(step.duration as number)
    case 'advance':
      return lab.advance(step.duration as number)
    case 'crash':
      return lab.crash({ at: step.at, during: () => void background.add(scripted, step.script) })
    case 'restart':
      return lab.restart()
    case 'pause':
    case 'resume':
      return background[step.do]('default')
    case 'cancel':
    case 'requeue': {
      const task = lab.added()[step.index]
      return task && background[step.do](task.id)
    }
  }
}

/** Attempts fail as told, a crash may not be reached, and there is no step in auto mode: nothing else is refused. */
function assertTold(error: unknown): void {
  assert.match(String(error), /failed:(\n  .*: Error: as told)+$|was not reached|needs testBackground/)
}

async function assertShown(lab: Lab): Promise<void> {
  for (const task of lab.added()) assert.deepEqual(task, await lab.background.get(task.id))
}

test('lab.added shows what the store holds, and every task that was acknowledged ends', async () => {
  await fc.assert(
    fc.asyncProperty(story, fc.boolean(), async (steps, isAuto) => {
      await using lab = await testBackground({ tasks: [scripted], run: isAuto ? 'auto' : 'manual' })
      current = lab
      for (const step of steps) {
        await perform(lab, step).catch(assertTold)
        await lab.advance(0)
        await assertShown(lab)
      }
      await lab.background.resume('default')
      await lab.run('1h').catch(assertTold)
      await assertShown(lab)
      const open = lab.added().filter(({ finishedAt }) => finishedAt === undefined)
      assert.deepEqual(open, [])
      assert.ok(lab.failures.every(({ error }) => (error as Error).message === 'as told'))
    }),
    { numRuns: 100 },
  )
})
