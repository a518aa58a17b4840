import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import { LockFile } from '../../../src/stores/sqlite/lock-file.ts'
import { CANCELLING, EARLY, PASSED, POWER, SUSPECT } from '../../../src/stores/sqlite/marks.ts'
import { MIGRATIONS, SCHEMA_VERSION } from '../../../src/stores/sqlite/migrations.ts'
import { openDatabase, type OpenParts } from '../../../src/stores/sqlite/open-database.ts'
import { PresenceFolder } from '../../../src/stores/sqlite/presence-folder.ts'
import { versionOf } from '../../../src/stores/sqlite/schema-version.ts'
import { databaseFile } from '../../support/bench.ts'
import { PeerProcess } from '../peer-process.ts'
import { until } from '../sandbox.ts'
import { Child } from './child.ts'
import { openStoreOn, register, task, write } from './open.ts'

/** Asks a file something with a connection of its own. */
function asked<T>(file: string, question: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(file, { timeout: 0 })
  try {
    return question(db)
  } finally {
    db.close()
  }
}

const tablesOf = (db: DatabaseSync): unknown[] => db.prepare('SELECT name FROM sqlite_schema').all()
const NEXT = SCHEMA_VERSION + 1
const ABORT = '; SELECT no_such_function()'

/** The real steps and one more. */
function withStep(sql: string, compatibleFrom = 1): OpenParts {
  return { migrations: [...MIGRATIONS, { version: NEXT, compatibleFrom, sql }] }
}

/** The steps of the releases up to that version. */
function upTo(version: number): OpenParts {
  return { migrations: MIGRATIONS.slice(0, version) }
}

/** A file of today's version with one task in it, that nobody has open. */
async function fileWithTask(t: TestContext): Promise<{ file: string; id: string }> {
  const file = databaseFile(t)
  const store = await openStoreOn(t, file)
  const { id } = task()
  await write(store, { adds: [task({ id })] })
  await store.close()
  return { file, id }
}

describe('a migration that does not come to its end', () => {
  test('leaves nothing of the first step, at whichever statement it fails', (t) => {
    const first = MIGRATIONS.findLast(({ fresh }) => fresh !== undefined)!
    const file = databaseFile(t)
    const parts = first.fresh!.split(';').map((part) => part.trim())
    assert.ok(parts.length > 10)
    for (let done = 0; done < parts.length; done++) {
      const fresh = parts.slice(0, done).join(';\n') + ABORT
      assert.throws(() => openDatabase(file, { migrations: [{ ...first, fresh }] }), { code: 'STORE_FAILED' })
      assert.deepEqual(asked(file, tablesOf), [], `statement ${done}`)
      assert.equal(asked(file, versionOf), 0)
    }
    openDatabase(file).close()
    assert.equal(asked(file, versionOf), SCHEMA_VERSION)
  })

  test('leaves the version before it, with its tasks, when a later step fails', async (t) => {
    const { file, id } = await fileWithTask(t)
    const sql = `ALTER TABLE afterword_task ADD COLUMN extra TEXT; UPDATE afterword_kind SET name = 'changed';
      DELETE FROM afterword_counter${ABORT}`
    assert.throws(() => openDatabase(file, withStep(sql)), { code: 'STORE_FAILED' })
    assert.equal(asked(file, versionOf), SCHEMA_VERSION)
    const store = await openStoreOn(t, file)
    assert.equal((await store.find(id))?.name, 'work')
    assert.equal((await write(store, {})).live, 1)
  })

  test('leaves the version before it when its process is killed', async (t) => {
    const { file, id } = await fileWithTask(t)
    const child = new Child(t, 'opener.ts', [])
    await child.next()
    child.tell(`endless ${file}`)
    // Half way: the change is in the log already, without its end.
    await until(t, () => (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 1_000_000)
    await child.kill()
    const store = await openStoreOn(t, file)
    assert.equal((await store.find(id))?.name, 'work')
    assert.equal(asked(file, versionOf), SCHEMA_VERSION)
    assert.deepEqual(
      asked(file, (db) =>
        db
          .prepare('PRAGMA integrity_check')
          .all()
          .map((row) => ({ ...row })),
      ),
      [{ integrity_check: 'ok' }],
    )
  })
})

describe('several processes that open a file at once', () => {
  async function openers(t: TestContext, count: number): Promise<Child<{ ok?: number }>[]> {
    const children = Array.from({ length: count }, () => new Child<{ ok?: number }>(t, 'opener.ts', []))
    await Promise.all(children.map((child) => child.next()))
    return children
  }

  test('take each step once, and all of them get the result', async (t) => {
    const children = await openers(t, 3)
    for (let round = 1; round <= 4; round++) {
      const file = databaseFile(t).replace('tasks', `tasks-${round}`)
      for (const child of children) child.tell(`steps ${file}`)
      for (const child of children) assert.deepEqual(await child.next(), { ok: 0 })
      const marks = asked(file, (db) => db.prepare('SELECT step FROM mark').all())
      assert.deepEqual(
        marks.map((row) => row['step']),
        [1, 2],
      )
    }
  })

  test('all get a store, and each worker an incarnation of its own', async (t) => {
    const children = await openers(t, 3)
    for (let round = 1; round <= 4; round++) {
      const file = databaseFile(t)
      for (const child of children) child.tell(`store ${file}`)
      const answers = await Promise.all(children.map((child) => child.next()))
      assert.deepEqual(new Set(answers.map((answer) => answer.ok)), new Set([1, 2, 3]), JSON.stringify(answers))
    }
  })
})

describe('a file of a newer version', () => {
  const newer = (file: string, compatibleFrom: number): void => openDatabase(file, withStep('', compatibleFrom)).close()

  test('is used as it is when that version says that ours may', async (t) => {
    const { file, id } = await fileWithTask(t)
    newer(file, SCHEMA_VERSION)
    const store = await openStoreOn(t, file)
    assert.equal((await store.find(id))?.state, 'ready')
    await write(store, { adds: [task()] })
    assert.equal(asked(file, versionOf), NEXT)
  })

  test('is refused and left untouched when that version says that ours would not understand it', async (t) => {
    const { file } = await fileWithTask(t)
    newer(file, NEXT)
    const before = readFileSync(file)
    await assert.rejects(openStoreOn(t, file), {
      code: 'STORE_NEWER',
      details: { file, version: NEXT, known: SCHEMA_VERSION },
    })
    assert.ok(readFileSync(file).equals(before))
  })
})

describe('a step that older workers would not survive', () => {
  /** A file where a worker of today's version is registered; the step behind `migrate` needs the next one. */
  async function fileWithWorker(t: TestContext): Promise<{ file: string; worker: number; migrate: () => void }> {
    const file = databaseFile(t)
    const store = await openStoreOn(t, file)
    const worker = await register(store, 'old worker')
    await store.close()
    return { file, worker, migrate: () => openDatabase(file, withStep('CREATE TABLE mark (step)', NEXT)).close() }
  }

  test('is refused while one of them runs, by its name, and is taken once it has stopped', async (t) => {
    const { file, worker, migrate } = await fileWithWorker(t)
    const presence = new PresenceFolder(file)
    presence.make()
    const lock = LockFile.take(presence.arrivingFile(worker), presence.lockFile(worker))
    t.after(() => lock.release())
    assert.throws(migrate, { code: 'STORE_IN_USE_BY_OLDER', message: /old worker \(process 4711, version 1\.2\.3\)/ })
    assert.equal(asked(file, versionOf), SCHEMA_VERSION)

    const store = await openStoreOn(t, file)
    await store.retire(worker)
    await store.close()
    lock.release()
    migrate()
    assert.equal(asked(file, versionOf), NEXT)
  })

  test('is refused while one of them may run: nobody can tell where it has no lock file', async (t) => {
    const { migrate } = await fileWithWorker(t)
    assert.throws(migrate, { code: 'STORE_IN_USE_BY_OLDER' })
  })

  test('is taken when all of them are dead, whose rows are left to the rescue', async (t) => {
    const { file, worker, migrate } = await fileWithWorker(t)
    const process = await PeerProcess.arrived(t, file, worker)
    assert.throws(migrate, { code: 'STORE_IN_USE_BY_OLDER' })
    await process.kill()
    migrate()
    assert.equal(asked(file, versionOf), NEXT)
    assert.equal(
      asked(file, (db) => db.prepare('SELECT count(*) AS count FROM afterword_worker').get()?.['count']),
      1,
    )
  })

  test('does not stop a step that they survive', async (t) => {
    const { file } = await fileWithWorker(t)
    openDatabase(file, withStep('CREATE TABLE mark (step)', SCHEMA_VERSION)).close()
    assert.equal(asked(file, versionOf), NEXT)
  })
})

describe('version 3, which knows the lease of each worker', () => {
  /** How a worker of version 2 registers, and what it asks. */
  const REGISTER = `INSERT INTO worker (name, pid, host, version, schema_version, queues, definitions, registered_at)
    VALUES ('old', 1, 'here', '0.0.1', 2, '[]', '[]', 0) RETURNING incarnation`
  const WORKERS = 'SELECT * FROM worker ORDER BY incarnation'

  test('takes over a file of version 2, whose workers did not say', async (t) => {
    const file = databaseFile(t)
    const old = openDatabase(file, upTo(2))
    const { incarnation } = old.prepare(REGISTER).get() as { incarnation: number }
    old.close()
    assert.equal(asked(file, versionOf), 2)
    const process = await PeerProcess.arrived(t, file, incarnation)
    await process.kill()
    const store = await openStoreOn(t, file)
    await register(store, 'today')
    const workers = await store.workers()
    assert.deepEqual(
      workers.map(({ name, leaseMs }) => [name, leaseMs]),
      [
        ['old', undefined],
        ['today', 20_000],
      ],
    )
  })

  test('does not disturb a worker of version 2 that has the file open, which registers, looks and beats as before', (t) => {
    const file = databaseFile(t)
    const old = openDatabase(file, upTo(2))
    t.after(() => old.close())
    const [registers, looks] = [old.prepare(REGISTER), old.prepare(WORKERS)]
    const { incarnation } = registers.get() as { incarnation: number }
    const beats = old.prepare('UPDATE worker SET beat = beat + 1 WHERE incarnation = ?')
    beats.run(incarnation)
    assert.equal(looks.all().length, 1)

    openDatabase(file, upTo(4)).close()
    assert.equal(asked(file, versionOf), 4)
    beats.run(incarnation)
    registers.get()
    const seen = looks.all().map((row) => [row['name'], row['beat'], row['lease_ms']])
    assert.deepEqual(seen, [
      ['old', 2, null],
      ['old', 0, null],
    ])
  })

  test('is opened by a release that knows version 2 only', (t) => {
    const file = databaseFile(t)
    openDatabase(file, upTo(4)).close()
    const old = openDatabase(file, upTo(2))
    t.after(() => old.close())
    old.prepare(REGISTER).get()
    assert.equal(asked(file, versionOf), 4)
  })
})

describe('version 4, which knows versions of definitions', () => {
  test('shows name and version apart to people', async (t) => {
    const file = databaseFile(t)
    const store = await openStoreOn(t, file)
    await write(store, { adds: [task({ id: 'one' }), task({ id: 'ten', version: 10 })] })
    const shown = ['one', 'ten'].map((id) => shownTask(file, id))
    assert.deepEqual(
      shown.map(({ name, version }) => [name, version]),
      [
        ['work', 1],
        ['work', 10],
      ],
    )
  })
})

describe('an open file', () => {
  test('has every setting that its promises rest on', (t) => {
    const db = openDatabase(databaseFile(t))
    t.after(() => db.close())
    const setting = (name: string): unknown => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    const names = [
      'journal_mode',
      'synchronous',
      'busy_timeout',
      'fullfsync',
      'checkpoint_fullfsync',
      'mmap_size',
      'trusted_schema',
    ]
    assert.deepEqual(Object.fromEntries(names.map((name) => [name, setting(name)])), {
      journal_mode: 'wal',
      synchronous: 1,
      busy_timeout: 0,
      fullfsync: 1,
      checkpoint_fullfsync: 1,
      mmap_size: 0,
      trusted_schema: 0,
    })
  })

  test('that is up to date is opened while another process writes', async (t) => {
    const { file } = await fileWithTask(t)
    const writer = new DatabaseSync(file)
    t.after(() => writer.close())
    writer.exec('BEGIN IMMEDIATE')
    openDatabase(file).close()
    writer.exec('ROLLBACK')
  })
})

describe('a file of the first version', () => {
  /** One task in each state, with every small fact set somewhere. */
  const ROWS = `INSERT INTO task (key, id, state, name, queue, priority, added_at, due_at, finished_at, worker, claims, crashes,
      hand_backs, deferrals, early, suspect, passed, cancelling, durable, formats, series, after, request_id, carried,
      progress, result, error, input) VALUES
    (1, 'ready', 0, 'a', 'one', 5, 11, NULL, NULL, NULL, 3, 1, 1, 1, 0, 1, 0, 0, 1, 0, NULL, NULL, 'r1', '[1]', NULL, NULL, NULL, '1'),
    (2, 'running', 1, 'b', 'one', 0, 12, NULL, NULL, 9, 1, 0, 0, 0, 1, 0, 0, 1, 0, 16, 'running', NULL, NULL, NULL, '"p"', NULL, NULL, '2'),
    (3, 'scheduled', 2, 'a', 'two', 0, 13, 99, NULL, NULL, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, '{"name":"E","message":"m"}', '3'),
    (4, 'waiting', 3, 'a', 'one', 0, 14, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 'running', 'running', NULL, NULL, NULL, NULL, NULL, '4'),
    (5, 'succeeded', 4, 'b', 'two', 0, 15, NULL, 55, NULL, 1, 0, 0, 0, 0, 0, 0, 0, 0, 64, NULL, NULL, NULL, NULL, NULL, '"done"', NULL, '5')`

  test('becomes one of this version, with all that it holds', async (t) => {
    const file = databaseFile(t)
    const first = openDatabase(file, upTo(1))
    first.exec(`${ROWS}; UPDATE counter SET live = 4, waiting = 1`)
    first.close()
    const store = await openStoreOn(t, file)
    const found = ['ready', 'running', 'scheduled', 'waiting', 'succeeded'].map((id) => shownTask(file, id))
    assert.deepEqual(
      found.map(({ name, queue, state, attempt, crashes, hand_backs }) => [
        name,
        queue,
        state,
        attempt,
        crashes,
        hand_backs,
      ]),
      [
        ['a', 'one', 'ready', 1, 1, 1],
        ['b', 'one', 'running', 1, 0, 0],
        ['a', 'two', 'scheduled', 1, 0, 0],
        ['a', 'one', 'waiting', 0, 0, 0],
        ['b', 'two', 'succeeded', 1, 0, 0],
      ],
    )
    assert.deepEqual(
      asked(file, (db) => db.prepare('SELECT marks FROM afterword_task ORDER BY key').all()).map(({ marks }) => marks),
      [SUSPECT | POWER, EARLY | CANCELLING | 16, PASSED | POWER | 1, POWER, 64],
    )
    assert.deepEqual(
      await store.counts(),
      new Map([
        ['one', { scheduled: 0, waiting: 1, ready: 1, running: 1 }],
        ['two', { scheduled: 1, waiting: 0, ready: 0, running: 0 }],
      ]),
    )
  })
})

/** A task as people see it. */
function shownTask(file: string, id: string): Record<string, unknown> {
  return asked(file, (db) => db.prepare('SELECT * FROM afterword_tasks WHERE id = ?').get(id)) as Record<
    string,
    unknown
  >
}
