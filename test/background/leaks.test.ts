/** What a background leaves behind when it has stopped, and what it gathers while it works: nothing. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { bench, databaseFile } from '../support/bench.ts'
import { turn } from '../support/fake-clock.ts'
import { startProgram } from '../support/start-program.ts'

const noop = defineTask({ name: 'noop', run: () => undefined })
const fails = defineTask({
  name: 'fails',
  retry: { attempts: 2, base: '1h', cap: '1h' },
  run: () => Promise.reject(new Error('no')),
})
const child = (name: string): string => join(import.meta.dirname, 'children', name)

const listeners = (): string[] => process.eventNames().map((name) => `${String(name)} ${process.listenerCount(name)}`)

/** What keeps this process alive, after what is being closed at this moment is closed. */
async function resources(): Promise<string[]> {
  for (let i = 0; i < 5; i++) await turn()
  return process.getActiveResourcesInfo().sort()
}

describe('a background that has stopped', () => {
  test('leaves no timer, socket or file open and no listener on the process', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const before = { resources: await resources(), listeners: listeners() }
    const [one, two] = [bench(t, { store, tasks: [noop, fails] }), bench(t, { store, tasks: [noop, fails] })]
    const remove = one.background.handleSignals()
    await Promise.all([one.background.start(), two.background.start()])
    await one.until('attempt:end', (await one.background.add(fails)).id)
    await one.background.add(noop, undefined, { delay: '1h' })
    await two.background.result((await two.background.add(noop)).id)
    const unanswered = two.background.attach(undefined)
    unanswered.tasks.add(noop)
    unanswered.close()
    const waiting = assert.rejects(
      one.background.result((await one.background.add(noop, undefined, { delay: '1h' })).id),
    )
    await Promise.all([one.background.stop(), two.background.stop({ grace: 0 })])
    remove()
    await waiting
    assert.deepEqual({ resources: await resources(), listeners: listeners() }, before)
  })

  test('lets its process end by itself', async (t) => {
    const program = startProgram(child('ends-by-itself.ts'), [databaseFile(t)])
    const [code, signal] = (await once(program, 'exit')) as [number | null, string | null]
    assert.deepEqual([code, signal], [0, null])
  })
})

test('a background that was only imported and created opens nothing and lets its process end', () => {
  const program = `const { createBackground } = await import('${new URL('../../src/index.ts', import.meta.url).href}'); createBackground()`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  })
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
})

test('the memory of a background is the same after a hundred thousand tasks as after twenty thousand', async (t) => {
  const program = startProgram(child('many-tasks.ts'), [databaseFile(t)], { execArgv: ['--expose-gc'] })
  const [used] = (await once(program, 'message')) as [{ readonly early: number; readonly late: number }]
  await once(program, 'exit')
  // One task costs several hundred bytes: kept, they would take tens of megabytes.
  const grownMb = (used.late - used.early) / 1024 / 1024
  assert.equal(grownMb < 4, true, `${grownMb.toFixed(1)} MB more`)
})
