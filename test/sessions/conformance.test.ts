/** The suite for sessions itself: that any runner can run it, that it skips by name, and that it finds what it is there to find. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import type { OpenSession, SessionProvider } from '../../src/model/session.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import {
  sessionConformance,
  type SessionCapabilities,
  type SessionSite,
} from '../../src/testing/session-conformance/index.ts'

type Body = () => Promise<void>
type Session = OpenSession<DatabaseSync>
type Plant = Partial<Pick<SessionSite<DatabaseSync>, 'taken' | 'insert'>> & {
  readonly session?: (session: Session) => Partial<Session>
}

const NONE: SessionCapabilities = {
  parallel: false,
  asynchronous: false,
  recordable: false,
  recognizable: false,
  severable: false,
  countable: false,
}
const SQLITE = { ...NONE, recordable: true, recognizable: true, countable: true }

/** A site on an SQLite file, with a fault in its sessions where one is given. */
function site({ session: plant, ...fields }: Plant = {}): SessionSite<DatabaseSync> {
  const folder = mkdtempSync(join(tmpdir(), 'afterword-suite-'))
  const [database, observer] = [new DatabaseSync(join(folder, 'a.db')), new DatabaseSync(join(folder, 'a.db'))]
  database.exec('PRAGMA journal_mode = wal; CREATE TABLE effect (id text PRIMARY KEY)')
  const sound = nodeSqliteSession(database)
  const provider: SessionProvider<DatabaseSync> = {
    ...sound,
    async open() {
      const session = await sound.open()
      return { ...session, ...plant?.(session) }
    },
  }
  return {
    provider,
    insert,
    ids: () =>
      Promise.resolve(
        observer
          .prepare('SELECT id FROM effect')
          .all()
          .map(({ id }) => String(id)),
      ),
    taken: () => (database.isTransaction ? 1 : 0),
    remove() {
      observer.close()
      database.close()
      rmSync(folder, { recursive: true })
      return Promise.resolve()
    },
    ...fields,
  }
}

async function insert(handle: DatabaseSync, id: string): Promise<unknown> {
  return handle.prepare('INSERT INTO effect (id) VALUES (?)').run(id)
}

/** Declares the suite to a runner that runs nothing, and gives what it declared. */
function declared(can: Partial<SessionCapabilities>, plant?: Plant, patienceMs = 200) {
  const [run, skipped, groups]: [Map<string, Body>, string[], string[]] = [new Map(), [], []]
  const declare = (title: string, body: Body): void => {
    assert.equal(run.has(title), false, `two cases are called "${title}"`)
    run.set(title, body)
  }
  const runner = {
    describe(title: string, body: () => void) {
      groups.push(title)
      body()
    },
    test: Object.assign(declare, { skip: (title: string) => void skipped.push(title) }),
  }
  sessionConformance('any', () => site(plant), { can, runner, patienceMs })
  return { run, skipped, groups }
}

/** The titles of the cases that fail for sessions with that fault. */
async function failed(plant: Plant, wanted: RegExp, patienceMs?: number): Promise<string[]> {
  const titles: string[] = []
  const cases = [...declared(SQLITE, plant, patienceMs).run].filter(([title]) => wanted.test(title))
  assert.ok(cases.length > 0)
  for (const [title, body] of cases) await body().catch(() => titles.push(title))
  return titles
}

describe('the conformance suite for sessions', () => {
  test('skips by name what sessions cannot do, and nothing else', () => {
    const everything = declared({})
    assert.deepEqual(everything.skipped, [])
    const { run, skipped } = declared(NONE)
    assert.ok(skipped.length > 0)
    for (const title of skipped) {
      assert.match(
        title,
        /\(skipped: the sessions are not (parallel|asynchronous|record|recogniz|sever|count)(able)?\)$/,
      )
    }
    assert.equal(run.size + skipped.length, everything.run.size)
  })

  test('needs no more of a runner than describe, test and skip', async () => {
    const { run, groups } = declared(SQLITE)
    assert.equal(groups[0], 'Sessions (any)')
    await run.get('what was committed is there')!()
  })

  test('finds a session that commits by itself', async () => {
    const plant = { session: ({ handle }: Session) => (handle.exec('COMMIT'), { commit() {} }) }
    assert.deepEqual(await failed(plant, /^(what was rolled back|nothing is there for others)/), [
      'what was rolled back is not there',
      'nothing is there for others before the commit',
    ])
  })

  test('finds a session whose commit is none', async () => {
    const plant = { session: (session: Session) => ({ commit: () => session.rollback() }) }
    assert.deepEqual(await failed(plant, /^what was committed/), ['what was committed is there'])
  })

  test('finds a commit that says nothing of a query that failed', async () => {
    let hasFailed = false
    const plant: Plant = {
      insert: (handle, id) =>
        insert(handle, id).catch((error: unknown) => {
          hasFailed = true
          throw error
        }),
      session: (session) => ({ commit: () => (hasFailed ? session.rollback() : session.commit()) }),
    }
    const title = 'a commit after a query that failed commits the rest, or rejects'
    assert.deepEqual(await failed(plant, /^a commit after/), [title])
  })

  test('finds a session that gives nothing back', async () => {
    const title = 'close gives back what the session held, after a commit and after a rollback'
    assert.deepEqual(await failed({ session: () => ({ close() {} }) }, /^close gives back/), [title])
    assert.deepEqual(await failed({ taken: () => 1 }, /^close gives back/), [title])
  })

  test('finds statements that go elsewhere', async () => {
    const other = new DatabaseSync(':memory:')
    other.exec('CREATE TABLE effect (id text PRIMARY KEY)')
    const sql: Session['sql'] = { dialect: 'sqlite', query: (text, values) => other.prepare(text).all(...values) }
    assert.deepEqual(await failed({ session: () => ({ sql }) }, /^a statement (is committed|sees)/), [
      'a statement is committed with what the library wrote',
      'a statement sees what the library wrote, and gives rows by their columns',
    ])
  })

  test('finds values that a library has taken for something else', async () => {
    const session = ({ sql }: Session): Partial<Session> => ({
      sql: {
        dialect: 'sqlite',
        query: (text, values) =>
          sql!.query(
            text,
            values.map((value) => value || 7),
          ),
      },
    })
    assert.deepEqual(await failed({ session }, /^a statement takes (null|whole|and gives text as it is: nothing)/), [
      'a statement takes and gives text as it is: nothing at all',
      'a statement takes null and gives null',
      'a statement takes whole numbers up to 64 bits',
    ])
  })

  test('finds effects of attempts that have not succeeded', async () => {
    const plant = { session: (session: Session) => ({ rollback: () => session.commit() }) }
    assert.deepEqual(await failed(plant, /^(an attempt that throws|a stop rolls back|of 1000 attempts)/, 15_000), [
      'an attempt that throws leaves nothing, and the next one begins anew',
      'a stop rolls back what has not ended, and takes back every session',
      'of 1000 attempts that throw, time out, are cancelled or given up, those that succeed leave what they wrote',
    ])
  })

  test('finds effects that are done once more after a crash', async () => {
    // Without it nothing is recorded beside the effects.
    const plant = { session: () => ({ sql: undefined }) }
    assert.deepEqual(await failed(plant, /^(a process that dies|a commit whose answer)/, 15_000), [
      'a process that dies between commit and record: the next reports the first result',
      'a commit whose answer is lost is looked up, not guessed',
    ])
  })
})
