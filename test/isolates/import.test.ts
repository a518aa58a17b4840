/** A module whose import never ends: it may hold up neither the start nor an attempt for ever. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { IsolatePool } from '../../src/isolates/isolate-pool.ts'
import { gate, later, SILENT, timedBench } from '../support/bench.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { isolatedCall, NOBODY } from '../support/isolated-call.ts'
import { inProcess, inThread } from './children/isolated-tasks.ts'
import { loopsInProcess, loopsInThread } from './children/loops-at-import.ts'
import { waitsInProcess, waitsInThread } from './children/never-loads.ts'

for (const { definitions, spins } of [
  { definitions: [waitsInThread, loopsInThread], spins: inThread.spins },
  { definitions: [waitsInProcess, loopsInProcess], spins: inProcess.spins },
]) {
  const [{ isolation }] = definitions as [(typeof definitions)[number]]
  const { kind } = isolation!

  function pool(t: Parameters<typeof later>[0]) {
    const clock = new FakeClock()
    const isolates = new IsolatePool({ clock, logger: SILENT, size: 1, memoryMb: undefined })
    later(t).defer(() => isolates.stop())
    return { clock, isolates }
  }

  for (const definition of definitions) {
    const { name } = definition
    const module = definition.isolation!.url

    describe(`a module that never loads, for ${name}`, () => {
      test('is refused at start after half a minute, with the task and the module', async (t) => {
        const { background, clock } = timedBench(t, { tasks: [definition] })
        const refused = assert.rejects(background.start(), {
          code: 'TASK_MODULE_TIMEOUT',
          details: { name, isolate: kind, module, waitedMs: 30_000 },
        })
        await clock.advance(30_000)
        await refused
      })

      test('fails an attempt in the same way, and its isolate makes room', async (t) => {
        const { clock, isolates } = pool(t)
        const { ended } = isolates.run(isolatedCall(definition), NOBODY)
        const failed = assert.rejects(ended, { code: 'TASK_MODULE_TIMEOUT' })
        await clock.advance(29_999)
        assert.equal(isolates.isolates, 1)
        await clock.advance(1)
        await failed
        while (isolates.isolates > 0) await new Promise<void>((resolve) => setImmediate(resolve))
      })
    })
  }

  describe(`a task in a ${kind} that has begun`, () => {
    test('may take as long as it likes', async (t) => {
      const { clock, isolates } = pool(t)
      const begun = gate()
      const { ended } = isolates.run(isolatedCall(spins), { ...NOBODY, begun: () => begun.open() })
      await begun.opened
      await clock.advance(3_600_000)
      const state = await Promise.race([ended, Promise.resolve('goes on')])
      assert.deepEqual([state, isolates.isolates], ['goes on', 1])
    })
  })
}
