/** Which definitions a background knows, and where their attempts run. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { Registry } from '../../src/engine/registry.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { bench } from '../support/bench.ts'

const run = (): void => undefined
const stays = defineTask({ name: 'stays', run })
const moves = defineTask({ name: 'moves', onBlock: 'thread', run })
const needsNone = defineTask({ name: 'needs-none', onBlock: 'thread', sessions: {}, run })
const db = nodeSqliteSession(new DatabaseSync(':memory:'))
const needsItsOwn = defineTask({ name: 'needs-its-own', onBlock: 'thread', sessions: { db }, run })
const DEFINITIONS = [stays, moves, needsNone, needsItsOwn]

describe('a definition that blocks the event loop', () => {
  const moved = (registry: Registry): readonly string[] =>
    DEFINITIONS.map(({ name }) => name).filter((name) => registry.move(name))

  test("moves beside it with onBlock: 'thread', once", () => {
    const registry = new Registry(DEFINITIONS)
    assert.deepEqual(moved(registry), ['moves', 'needs-none', 'needs-its-own'])
    assert.deepEqual(moved(registry), [])
  })

  test('stays where the background has sessions and it does not say its own, for no thread has those', () => {
    assert.deepEqual(moved(new Registry(DEFINITIONS, true)), ['needs-none', 'needs-its-own'])
  })

  test('is proven in a thread at the start only where it may move', async (t) => {
    const module = 'file:///nowhere.js'
    const tasks = [defineTask({ name: 'blocks', onBlock: 'thread', module, run })]
    await assert.rejects(bench(t, { tasks }).background.start(), { code: 'TASK_MODULE_FAILED' })
    await bench(t, { tasks, sessions: { db } }).background.start()
  })
})
