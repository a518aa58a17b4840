import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { json, succeed } from '../../../src/stores/conformance/fixtures.ts'
import { databaseFile } from '../../support/bench.ts'
import { openStoreOn, register, task, write } from './open.ts'

describe('the rows of what attempts have kept', () => {
  test('are gone with their tasks, also where one statement ends many of them', async (t) => {
    const file = databaseFile(t)
    const store = await openStoreOn(t, file)
    const db = new DatabaseSync(file, { readOnly: true })
    t.after(() => db.close())
    const rows = (): unknown => db.prepare('SELECT count(*) AS count FROM afterword_step').get()?.['count']
    const worker = await register(store)

    const tasks = Array.from({ length: 20 }, () => task({ claimFor: worker }))
    await write(store, { worker, adds: tasks })
    const steps = tasks.slice(5, 8).map(({ id }) => ({ id, claims: 1, name: 'a', value: json(1) }))
    await write(store, { worker, steps })
    assert.equal(rows(), 3)

    const [kept, ...forgotten] = tasks.toReversed()
    const outcomes = forgotten.toReversed().map(({ id }) => succeed({ id, claims: 1 }, { forget: true }))
    const { recorded } = await write(store, { worker, outcomes })
    assert.deepEqual(new Set(recorded), new Set([true]))
    assert.equal(rows(), 0)

    await write(store, { worker, steps: [{ id: kept!.id, claims: 1, name: 'a', value: json(1) }] })
    await write(store, { worker, outcomes: [succeed({ id: kept!.id, claims: 1 })] })
    assert.equal(rows(), 1)
    await store.prune({ succeeded: 0, failed: 0, cancelled: 0, quarantined: 0 }, 1, 100)
    assert.equal(rows(), 0)
    assert.equal(await store.find(kept!.id), undefined)
  })
})
