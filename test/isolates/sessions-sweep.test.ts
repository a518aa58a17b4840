/** Rows of outcome that isolates have left: the process of the background removes them, for it alone knows whose task is over. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import type { SessionProviders } from '../../src/model/session.ts'
import { systemChance } from '../../src/ports/system.ts'
import { AttemptSessionMaker } from '../../src/session-maker.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { OutcomeRows } from '../../src/sessions/outcome-rows.ts'
import { SessionBook } from '../../src/sessions/session-book.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { later } from '../support/bench.ts'
import { claimedTask } from '../support/claimed-task.ts'
import { FakeClock, turn } from '../support/fake-clock.ts'

describe('rows of outcome of an isolate', () => {
  test('go once its task is over, where a session of the definition was used', async (t) => {
    const clock = new FakeClock()
    const [used, beside] = [new DatabaseSync(':memory:'), new DatabaseSync(':memory:')]
    const store = new SqliteStore(undefined, { clock, chance: systemChance })
    await store.open()
    later(t).defer(() => store.close())
    const book = new SessionBook({ clock, here: () => 'a test' })
    // As an isolate does it: the process of the background knows nothing of it.
    const there = new OutcomeRows(book)
    const providers = { db: nodeSqliteSession(used), empty: nodeSqliteSession(beside) } satisfies SessionProviders
    await there.prepare('db', providers)
    const session = await book.open('db', providers, 'a test')
    const success = {
      id: 'id-1',
      claims: 1,
      move: 'succeed',
      result: undefined,
      error: undefined,
      forget: false,
    } as const
    await there.record(session.sql!, claimedTask(), success)
    await session.commit()
    await session.close(false)

    const maker = new AttemptSessionMaker({ book, store, providers: {}, worker: () => 1 })
    maker.usedInIsolate({ sessions: providers })
    await clock.advance(3_700_000)
    maker.usedInIsolate({ sessions: providers })
    const rows = used.prepare('SELECT task_id FROM afterword_outcome')
    for (let turns = 0; turns < 1_000 && rows.all().length > 0; turns++) await turn()
    assert.deepEqual(rows.all(), [])
    // Where no session was ever opened there is no table, which is no trouble.
    const opened = await book.open('empty', providers, 'a test')
    await opened.discard()
  })
})
