/**
 * The lane `model` finds every fault that is planted for it, by the shortest way there is, and nothing without a plant.
 * The other lanes are tried by their own tests, and all of them by `npm run zoo`.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { isGood, judged, runLane } from '../../proof/zoo/run-lane.ts'
import { ZOO } from '../../proof/zoo/zoo.ts'

const MAIN = join(import.meta.dirname, '../../proof/zoo/main.ts')
const run = promisify(execFile)

/** What the plants of the protocol break, and in how many steps. */
const BROKEN: Readonly<Record<string, readonly [message: RegExp, steps: number]>> = {
  'protocol-finish-by-id': [/^C3: there is no move "succeed" from "ready"/, 5],
  'protocol-finish-while-running': [/^C4: it was held by worker 2/, 6],
  'protocol-fail-by-id': [/^C3: there is no move "fail"/, 5],
  'protocol-missed-guard-commits': [/^C5: effects were committed by a finish that was refused/, 5],
  'protocol-unknown-is-failure': [/^C4: worker 1 is not fenced and runs task 1, which is succeeded/, 6],
  'protocol-unknown-is-success': [/^C8: /, 4],
  'protocol-lost-claim-reply': [/^C8: /, 2],
  'protocol-select-then-requeue': [/^C3: there is no move "rescue" from "succeeded"/, 6],
  'protocol-two-finalise': [/^C3: there is no move "fail" from "succeeded"/, 6],
  'protocol-one-off-requeue': [/^C15: its owner, worker 1, is not registered/, 4],
  'protocol-identity-reuse': [/^C8: /, 3],
  'protocol-time-only-reaping': [/^C4: worker 1 is not fenced/, 2],
  'protocol-early-release': [/^C6: it started before/, 2],
  'protocol-keeps-cancelled-claim': [/^C4: worker 1 is not fenced and is about to run task 1, which is cancelled/, 3],
}

describe('the lane model', { concurrency: 2 }, () => {
  test('finds nothing without a plant', async () => {
    const { outcome, report } = await runLane('model')
    assert.equal(outcome, 'clean')
    const { states, edges, store_edges: storeEdges, violations, stuck, overlaps } = report
    assert.ok(Number(states) > 5_000 && Number(edges) > Number(states) && Number(storeEdges) > 5_000)
    assert.deepEqual({ violations, stuck, overlaps }, { violations: 0, stuck: 0, overlaps: 0 })
  })

  const plants = ZOO.filter(({ lane }) => lane === 'model')
  test('has ten plants and more', () => assert.ok(plants.length >= 10))

  for (const plant of plants) {
    test(`finds ${plant.name}`, async () => {
      const { outcome, says, report } = await runLane('model', plant)
      assert.equal(outcome, 'violation', says)
      const [message, steps] = BROKEN[plant.name] ?? [/^the store differs from the model: /, undefined]
      assert.match(says, message)
      if (steps !== undefined) assert.equal((report['steps'] as unknown[]).length, steps)
    })
  }
})

describe('npm run zoo', () => {
  test('judges a lane by its exit code and its last line', () => {
    const of = (code: number | null, output: string) => judged(code, 1, output, 'an error\n').outcome
    assert.equal(of(0, 'a line\n{"violations":0}\n'), 'clean')
    assert.equal(of(1, '{"violations":2}\n'), 'violation')
    assert.equal(of(0, '{"violations":0,"skipped":["no compiler"]}'), 'skipped')
    for (const [code, output] of [
      [0, '{"violations":1}'],
      [1, '{"violations":0}'],
      [1, 'a stack'],
      [2, ''],
      [null, '{"violations":1}'],
    ] as const) {
      assert.equal(of(code, output), 'broken')
    }
  })

  test('wants a violation with a plant and none without; what is skipped passes where it may be', () => {
    const good = (outcome: ReturnType<typeof judged>['outcome'], isPlanted: boolean, mustRun = false) =>
      isGood({ outcome, seconds: 1, says: '', report: {} }, isPlanted, mustRun)
    assert.deepEqual([good('violation', true), good('clean', true), good('broken', true)], [true, false, false])
    assert.deepEqual([good('violation', false), good('clean', false), good('broken', false)], [false, true, false])
    assert.deepEqual([good('skipped', true), good('skipped', true, true)], [true, false])
  })

  test('prints a table and, on its last line, what was caught and what was missed', async () => {
    const args = [MAIN, '--lane', 'model', '--plant', 'protocol-identity-reuse', '--json']
    const { stdout } = await run(process.execPath, args)
    assert.match(stdout, /\| protocol-identity-reuse \| model \| caught \| [\d.]+ \| C8: /)
    const { plants, caught, missed } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, number>
    assert.deepEqual({ plants, caught, missed }, { plants: 1, caught: 1, missed: 0 })
  })

  for (const [args, message] of [
    [['--lane', 'fast'], /^--lane must be one of model, sim, power, crash; got "fast"\./],
    [['--plant', 'nobody'], /^--plant must be one of .*; got "nobody"\./],
    [['--lane', 'sim', '--plant', 'protocol-fail-by-id'], /^The lane sim has no plant protocol-fail-by-id\./],
  ] as const) {
    test(`exits with 2 and says why: ${args.join(' ')}`, async () => {
      const failed = await run(process.execPath, [MAIN, ...args]).catch((error: unknown) => error)
      const { code, stderr } = failed as { code: number; stderr: string }
      assert.equal(code, 2)
      assert.match(stderr, message)
    })
  }
})
