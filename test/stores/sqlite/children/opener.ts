/**
 * Opens what it is told to, again and again: a message is `<kind> <file>`. `store` opens a store, registers, and closes
 * it; `nobody` does so without privileges; `steps` opens a database with two more steps of its own behind the real migrations; `endless` does so with a step
 * that has no end. It says `ready` first, and then what came of each.
 */
import { AfterwordError } from '../../../../src/model/errors.ts'
import { systemChance as chance, systemClock as clock } from '../../../../src/ports/system.ts'
import { registration } from '../../../../src/stores/conformance/fixtures.ts'
import { MIGRATIONS, SCHEMA_VERSION } from '../../../../src/stores/sqlite/migrations.ts'
import { openSharedDatabase } from '../../../../src/stores/sqlite/open-database.ts'
import { SqliteStore } from '../../../../src/stores/sqlite/sqlite-store.ts'

const NOBODY = 65_534

const step = (version: number, sql: string) => ({ version, compatibleFrom: 1, sql })
const STEPS = [
  ...MIGRATIONS,
  step(SCHEMA_VERSION + 1, 'CREATE TABLE mark (step); INSERT INTO mark VALUES (1)'),
  step(SCHEMA_VERSION + 2, 'INSERT INTO mark VALUES (2)'),
]
const ENDLESS = [
  ...MIGRATIONS,
  step(
    SCHEMA_VERSION + 1,
    `UPDATE afterword_kind SET name = 'changed'; CREATE TABLE mark (step);
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO mark SELECT randomblob(900) FROM n`,
  ),
]

const OPENERS: Readonly<Record<string, (file: string) => Promise<number>>> = {
  async store(file) {
    const store = new SqliteStore(file, { clock, chance, sync: 'inline' })
    await store.open()
    const incarnation = await store.register(registration())
    await store.close()
    return incarnation
  },
  nobody(file) {
    if (process.getuid?.() === 0) {
      process.setgroups?.([])
      process.setgid?.(NOBODY)
      process.setuid?.(NOBODY)
    }
    return OPENERS['store']!(file)
  },
  async steps(file) {
    const db = await openSharedDatabase(file, { clock, chance, migrations: STEPS })
    db.close()
    return 0
  },
  async endless(file) {
    const db = await openSharedDatabase(file, { clock, chance, migrations: ENDLESS })
    db.close()
    return 0
  },
}

async function open(kind: string, file: string): Promise<unknown> {
  try {
    return { ok: await OPENERS[kind]!(file) }
  } catch (error) {
    return error instanceof AfterwordError ? { code: error.code, message: error.message } : { error: String(error) }
  }
}

process.on('message', (message: string) => {
  const [, kind = '', file = ''] = /^(\w+) (.+)$/.exec(message) ?? []
  void open(kind, file).then((answer) => process.send?.(answer as object))
})
process.send?.('ready')
