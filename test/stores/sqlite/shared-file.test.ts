import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import { AfterwordError } from '../../../src/model/errors.ts'
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from '../../../src/stores/sqlite/migrations.ts'
import { openDatabase } from '../../../src/stores/sqlite/open-database.ts'
import { pragma, versionOf } from '../../../src/stores/sqlite/schema-version.ts'
import type { SqliteStore } from '../../../src/stores/sqlite/sqlite-store.ts'
import { databaseFile } from '../../support/bench.ts'
import { PeerProcess } from '../peer-process.ts'
import { openStoreOn, task, write } from './open.ts'

const SHARED = { isShared: async () => true } as const
const VERSION_4 = { migrations: MIGRATIONS.slice(0, 4) } as const

/** A connection of the application to that file, closed after the test. */
function application(t: TestContext, file: string): DatabaseSync {
  const db = new DatabaseSync(file)
  t.after(() => db.close())
  return db
}

/** What a release of version 4 did with a file, word for word, up to its first own step. Its migrations would have come next. */
function openAsRelease4(file: string): 'used' | 'made' {
  const db = new DatabaseSync(file, { timeout: 0 })
  try {
    const { count } = db.prepare('SELECT count(*) AS count FROM sqlite_schema').get() as { count: number }
    const id = pragma(db, 'application_id')
    if (id !== APPLICATION_ID && (count > 0 || id !== 0)) throw new AfterwordError('STORE_NOT_OURS', { file })
    const version = pragma(db, 'user_version') as number
    if (version > 4) {
      const { from_version: from } = db.prepare('SELECT from_version FROM compatibility').get() as {
        from_version: number
      }
      if (from > 4) throw new AfterwordError('STORE_NEWER', { file, version, known: 4 })
    }
    return version === 4 ? 'used' : 'made'
  } finally {
    db.close()
  }
}

/** Migrations of an application that counts them in `user_version`, as many tools do. */
function migrateApplication(db: DatabaseSync): void {
  const steps = [
    'CREATE TABLE task (title TEXT)',
    'CREATE TABLE worker (name TEXT)',
    'CREATE VIEW tasks AS SELECT * FROM task',
  ]
  steps.forEach((sql, done) => {
    if ((pragma(db, 'user_version') as number) > done) return
    db.exec(`BEGIN; ${sql}; PRAGMA user_version = ${done + 1}; COMMIT`)
  })
}

/** A task goes all the way through the store, beside a row of the application. */
async function assertBothWork(store: SqliteStore, db: DatabaseSync): Promise<void> {
  const added = task()
  await write(store, { adds: [added] })
  db.exec("INSERT INTO task VALUES ('buy milk')")
  assert.equal((await store.find(added.id))?.state, 'ready')
  assert.deepEqual(db.prepare('SELECT * FROM tasks').get()?.['title'], 'buy milk')
  assert.deepEqual(db.prepare('SELECT id FROM afterword_tasks').get()?.['id'], added.id)
  assert.deepEqual(db.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
}

describe('a file that an application shares with the store', () => {
  test('takes the tables of the store beside those of the application, whatever their names', async (t) => {
    const file = databaseFile(t)
    const db = application(t, file)
    migrateApplication(db)
    db.exec('PRAGMA application_id = 42')
    const store = await openStoreOn(t, file, SHARED)
    await assertBothWork(store, db)
    assert.deepEqual([pragma(db, 'user_version'), pragma(db, 'application_id')], [3, 42])
  })

  test('takes the tables of the application beside those of the store, and leaves its count of migrations at the beginning', async (t) => {
    const file = databaseFile(t)
    const store = await openStoreOn(t, file, SHARED)
    const db = application(t, file)
    migrateApplication(db)
    await assertBothWork(store, db)
    assert.equal(pragma(db, 'user_version'), 3)
  })

  test('goes on with its own count when the store is migrated', async (t) => {
    const file = databaseFile(t)
    const db = application(t, file)
    migrateApplication(db)
    openDatabase(file, { shares: true }).close()
    const next = { version: SCHEMA_VERSION + 1, compatibleFrom: 1, sql: 'CREATE TABLE afterword_more (x)' }
    openDatabase(file, { shares: true, migrations: [...MIGRATIONS, next] }).close()
    assert.equal(versionOf(db), SCHEMA_VERSION + 1)
    assert.deepEqual([pragma(db, 'user_version'), pragma(db, 'application_id')], [3, 0])
  })

  test('is opened by who does not say so, once the store is in it', async (t) => {
    const file = databaseFile(t)
    const db = application(t, file)
    migrateApplication(db)
    openDatabase(file, { shares: true }).close()
    const store = await openStoreOn(t, file)
    await assertBothWork(store, db)
    assert.deepEqual([pragma(db, 'user_version'), pragma(db, 'application_id')], [3, 0])
  })

  test('has the settings of the store on its connection, and those of the application on the other', (t) => {
    const file = databaseFile(t)
    const db = application(t, file)
    db.exec('PRAGMA synchronous = FULL; CREATE TABLE users (id)')
    const ours = openDatabase(file, { shares: true })
    t.after(() => ours.close())
    const settings = ['journal_mode', 'synchronous', 'busy_timeout', 'trusted_schema'] as const
    assert.deepEqual(
      settings.map((name) => pragma(ours, name)),
      ['wal', 1, 0, 0],
    )
    db.exec('INSERT INTO users VALUES (1)')
    assert.deepEqual([pragma(db, 'journal_mode'), pragma(db, 'synchronous')], ['wal', 2])
  })

  test('is refused by a release of version 4, which changes nothing in it', (t) => {
    const files = [databaseFile(t), databaseFile(t)]
    for (const [i, file] of files.entries()) {
      if (i === 0) migrateApplication(application(t, file))
      openDatabase(file, { shares: true }).close()
      assert.throws(() => openAsRelease4(file), { code: 'STORE_NOT_OURS' })
    }
  })
})

describe('a file that the store has to itself', () => {
  test('is refused by a release of version 4 as newer, fresh or migrated', (t) => {
    const [fresh, migrated] = [databaseFile(t), databaseFile(t)]
    openDatabase(migrated, VERSION_4).close()
    assert.equal(openAsRelease4(migrated), 'used')
    for (const file of [fresh, migrated]) {
      openDatabase(file).close()
      assert.throws(() => openAsRelease4(file), { code: 'STORE_NEWER' })
      assert.throws(() => openDatabase(file, VERSION_4), { code: 'STORE_NEWER' })
    }
  })

  test('is told from others by an identity, as long as it has', (t) => {
    const file = databaseFile(t)
    openDatabase(file).close()
    const db = application(t, file)
    assert.equal(pragma(db, 'application_id'), APPLICATION_ID)
    openDatabase(file, { shares: true }).close()
    assert.equal(pragma(db, 'application_id'), 0)
    openDatabase(file).close()
    assert.equal(pragma(db, 'application_id'), 0)
  })

  test('becomes a shared one, in which the application begins with its first migration', async (t) => {
    const file = databaseFile(t)
    openDatabase(file).close()
    const store = await openStoreOn(t, file, SHARED)
    const db = application(t, file)
    migrateApplication(db)
    db.exec('CREATE TABLE compatibility (id)')
    await assertBothWork(store, db)
    assert.throws(() => openAsRelease4(file), { code: 'STORE_NOT_OURS' })
  })

  test('keeps the count of an application that has moved in unannounced', (t) => {
    const file = databaseFile(t)
    openDatabase(file).close()
    const db = application(t, file)
    db.exec('CREATE TABLE users (id); PRAGMA user_version = 7')
    openDatabase(file, { shares: true }).close()
    assert.equal(pragma(db, 'user_version'), 7)
    assert.equal(versionOf(db), SCHEMA_VERSION)
  })
})

describe('a file of version 4', () => {
  /** Tables, their columns, and indexes, without what only the wording of the schema tells apart. */
  function shapeOf(db: DatabaseSync): unknown {
    const rows = db
      .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name <> 'compatibility' ORDER BY name")
      .all()
    return rows.map(({ type, name, tbl_name: table, sql }) => {
      const wording = typeof sql === 'string' ? sql.replaceAll('"', '').replaceAll(/\s+/g, '') : sql
      return [type, name, table, wording]
    })
  }

  test('becomes the same as a fresh one', (t) => {
    const [fresh, old] = [openDatabase(databaseFile(t)), openDatabase(databaseFile(t), VERSION_4)]
    t.after(() => fresh.close())
    const file = old.location()!
    old.close()
    const migrated = openDatabase(file)
    t.after(() => migrated.close())
    assert.deepEqual(shapeOf(migrated), shapeOf(fresh))
  })

  test('keeps the numbers of its workers, and what people have made to look at it does not hold it up', (t) => {
    const file = databaseFile(t)
    const old = openDatabase(file, VERSION_4)
    old.exec(`CREATE VIEW mine AS SELECT * FROM tasks;
      INSERT INTO worker (incarnation, name, pid, host, version, schema_version, queues, definitions, registered_at)
        VALUES (41, 'w', 1, 'h', '1', 4, '[]', '[]', 0); DELETE FROM worker`)
    old.close()
    const db = openDatabase(file)
    t.after(() => db.close())
    const { incarnation } = db
      .prepare(
        `INSERT INTO afterword_worker (name, pid, host, version, schema_version, queues, definitions, registered_at)
          VALUES ('w', 1, 'h', '1', 5, '[]', '[]', 0) RETURNING incarnation`,
      )
      .get() as { incarnation: number }
    assert.equal(incarnation, 42)
    assert.equal(db.prepare("SELECT count(*) AS count FROM sqlite_schema WHERE name = 'mine'").get()?.['count'], 1)
  })

  test('is left alone as long as one of its workers runs', async (t) => {
    const file = databaseFile(t)
    const old = openDatabase(file, VERSION_4)
    old.exec(`INSERT INTO worker (name, pid, host, version, schema_version, queues, definitions, registered_at)
      VALUES ('old worker', 4711, 'h', '1.2.3', 4, '[]', '[]', 0)`)
    old.close()
    const process = await PeerProcess.arrived(t, file, 1)
    assert.throws(() => openDatabase(file), { code: 'STORE_IN_USE_BY_OLDER', message: /old worker \(process 4711/ })
    assert.equal(openAsRelease4(file), 'used')
    await process.kill()
    openDatabase(file).close()
    assert.throws(() => openAsRelease4(file), { code: 'STORE_NEWER' })
  })

  test('becomes a shared one in one step', (t) => {
    const file = databaseFile(t)
    openDatabase(file, VERSION_4).close()
    const db = openDatabase(file, { shares: true })
    t.after(() => db.close())
    assert.deepEqual([pragma(db, 'user_version'), pragma(db, 'application_id')], [0, 0])
    migrateApplication(db)
  })
})

describe('a file of another application', () => {
  const foreign: Readonly<Record<string, string>> = {
    'with tables of its own': 'CREATE TABLE users (id)',
    'with an identity of its own': 'PRAGMA application_id = 42',
    'that has tables named like ours': 'CREATE TABLE task (key); CREATE TABLE afterword_outcome (task)',
  }
  for (const [title, sql] of Object.entries(foreign)) {
    test(`${title} is refused and left untouched`, async (t) => {
      const file = databaseFile(t)
      const db = new DatabaseSync(file)
      db.exec(sql)
      db.close()
      const before = readFileSync(file)
      const refused = { code: 'STORE_NOT_OURS', details: { file }, message: /createBackground\(\{ sessions \}\)/ }
      await assert.rejects(openStoreOn(t, file), refused)
      assert.ok(readFileSync(file).equals(before))
      assert.equal(statSync(`${file}-wal`, { throwIfNoEntry: false }), undefined)
    })
  }
})
