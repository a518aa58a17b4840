/** The limit of the heap of a definition, over that of its background. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { IsolatePool } from '../../src/isolates/isolate-pool.ts'
import { bench, later, SILENT } from '../support/bench.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { isolatedCall, NOBODY } from '../support/isolated-call.ts'
import { fillProcess, fillThread } from './children/filling-tasks.ts'

for (const { kind, small, large, usual } of [fillThread, fillProcess]) {
  const code = kind === 'thread' ? 'THREAD_OUT_OF_MEMORY' : 'PROCESS_OUT_OF_MEMORY'

  describe(`memoryMb of a task in a ${kind}`, () => {
    test('is its limit where the background has a larger one', async (t) => {
      const { background, until } = bench(t, { tasks: [small], threadMemoryMb: 512 })
      const { error, thrown } = await until('attempt:failed', (await background.add(small, 128)).id)
      assert.equal(error?.code, code)
      assert.equal((thrown as { details: { memoryMb: number } }).details.memoryMb, 32)
    })

    test('is its limit where the background has a smaller one', async (t) => {
      const { background, until } = bench(t, { tasks: [large, usual], threadMemoryMb: 32 })
      assert.match(await background.result(await background.add(large, 128)), / 1024$/)
      // The limit of the background is that of those which have none.
      assert.equal((await until('attempt:failed', (await background.add(usual, 128)).id)).error?.code, code)
    })

    test('never lends it an isolate of another limit, whose place it takes instead', async (t) => {
      const pool = new IsolatePool({ clock: new FakeClock(), logger: SILENT, size: 1, memoryMb: undefined })
      later(t).defer(() => pool.stop())
      const seen: string[] = []
      for (const definition of [small, small, large, large, small]) {
        const end = await pool.run(isolatedCall(definition, { input: { format: 0, text: '0' } }), NOBODY).ended
        assert.equal(end.kind, 'returned')
        seen.push(end.result!.text)
        while (pool.isolates > 1) await new Promise<void>((resolve) => setImmediate(resolve))
      }
      assert.deepEqual(
        seen.map((there) => seen.indexOf(there)),
        [0, 0, 2, 2, 4],
      )
    })
  })
}
