/** Values that are kept by attempts in a thread or a child process. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { bench, databaseFile } from '../support/bench.ts'
import { Faults } from '../support/faulty-store.ts'
import { inProcess, inThread } from './children/once-tasks.ts'

for (const { kind, pays, fails, leaves, lost } of [inThread, inProcess]) {
  describe(`context.once in a ${kind}`, () => {
    test('gives a later attempt what an earlier one has computed', async (t) => {
      const file = databaseFile(t)
      const { background } = bench(t, { tasks: [pays] })
      const result = await background.result(await background.add(pays, { file }))
      assert.deepEqual(result, { charge: { attempt: 1 }, at: new Date(5) })
      assert.equal(readFileSync(file, 'utf8'), 'charged\n')
    })

    test('is refused there with the same codes', async (t) => {
      const { background } = bench(t, { tasks: [fails] })
      const codes = await background.result(await background.add(fails))
      assert.deepEqual(codes, ['ONCE_NAME_INVALID', 'ONCE_NOT_STORABLE', 'E_NO'])
    })

    test('keeps nothing for an attempt that is over', async (t) => {
      const { background } = bench(t, { tasks: [leaves], threads: 1 })
      assert.equal(await background.result(await background.add(leaves)), undefined)
      assert.equal(await background.result(await background.add(leaves)), 'ONCE_CLAIM_LOST')
    })

    test('hears from the process that another worker has the task', async (t) => {
      const faults = new Faults()
      for (let i = 0; i < 10; i++) {
        faults.alter('write', (written) => ({ ...written, kept: written.kept?.map(() => false) }))
      }
      const { background } = bench(t, { tasks: [lost], store: faults.store })
      assert.equal(await background.result(await background.add(lost)), 'ONCE_CLAIM_LOST')
    })
  })
}
