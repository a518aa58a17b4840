/** The option `sessions`, and what may stand in it. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import type { BackgroundOptions } from '../../src/background-options.ts'
import { createBackground } from '../../src/background.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { SILENT } from '../support/bench.ts'

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

  it('refuses names that are none', () => {
    for (const name of ['', 'the db', 'db.main', 'ä', 'x'.repeat(101)]) {
      assert.throws(() => create({ [name]: nodeSqliteSession(database) }), {
        code: 'OPTION_INVALID',
        message: /named with 1 to 100 letters, digits or "-_"/,
      })
    }
  })
})
