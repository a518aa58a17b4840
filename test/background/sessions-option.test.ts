/** The option `sessions`, and what may stand in it. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import type { BackgroundOptions } from '../../src/background-options.ts'
import { createBackground } from '../../src/background.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { bench, SILENT } from '../support/bench.ts'

const database = new DatabaseSync(':memory:')

function create(sessions: unknown): void {
  createBackground({ store: 'memory:', logger: SILENT, sessions } as BackgroundOptions)
}

describe('the option sessions', () => {
  it('takes providers by names of your own', () => {
    create({ db: nodeSqliteSession(database), 'second_db-2': nodeSqliteSession(database) })
  })

  it('refuses what is no provider, and says what it was given', () => {
    const refused: [given: unknown, option: string, got: string][] = [
      [{ db: database }, 'sessions.db', 'an instance of DatabaseSync'],
      [{ db: nodeSqliteSession }, 'sessions.db', 'a function'],
      [{ db: null }, 'sessions.db', 'null'],
      [{ db: { open() {} } }, 'sessions.db', 'an object'],
      [nodeSqliteSession(database), 'sessions.library', '"node:sqlite"'],
      [database, 'sessions', 'an instance of DatabaseSync'],
    ]
    for (const [given, option, got] of refused) {
      assert.throws(() => create(given), { code: 'OPTION_INVALID', message: new RegExp(`"${option}" .*, got ${got}`) })
    }
  })

  it('warns once in a start of a pool that is smaller than the concurrency, with both numbers', async (t) => {
    const warnings: string[] = []
    const logger = { ...SILENT, warn: (_: object, message: string) => void warnings.push(message) }
    const provider = { ...nodeSqliteSession(database), single: false }
    const sessions = {
      small: { ...provider, size: 4 },
      enough: { ...provider, size: 5 },
      unknown: { ...provider, size: undefined },
      single: nodeSqliteSession(database),
    }
    const options = { sessions, logger, concurrency: 3, queues: { mail: 2 } }
    const { background, events } = bench(t, options)
    await Promise.all([background.start(), background.start()])
    assert.deepEqual(events.all('session:pool-small'), [{ session: 'small', size: 4, concurrency: 5 }])
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /^session "small" has 4 connections, and 5 attempts may run at once/)

    const adding = bench(t, { ...options, works: false })
    await adding.background.start()
    assert.deepEqual(adding.events.all('session:pool-small'), [])
  })

  it('refuses names that are none', () => {
    for (const name of ['', 'the db', 'db.main', 'ä', 'x'.repeat(101)]) {
      assert.throws(() => create({ [name]: nodeSqliteSession(database) }), {
        code: 'OPTION_INVALID',
        message: /named with 1 to 100 letters, digits or "-_"/,
      })
    }
  })
})
