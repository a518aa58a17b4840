import assert from 'node:assert/strict'
import { linkSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import { systemPorts } from '../src/background-ports.ts'
import { defineTask } from '../src/define-task.ts'
import type { SessionProvider, SessionProviders } from '../src/model/session.ts'
import { makeStore } from '../src/open-store.ts'
import type { Store } from '../src/ports/store.ts'
import { nodeSqliteSession } from '../src/sessions/node-sqlite.ts'
import { databaseFile, folder, later } from './support/bench.ts'

const TOLD = { failed() {}, debug() {} }

/** The store of that file, closed after the test, as `createBackground` makes it for these sessions, and those of a definition. */
function storeOf(t: TestContext, file: string, sessions: SessionProviders, own?: SessionProviders): Store {
  const definition = defineTask({ name: 'x', sessions: own ?? {}, run() {} })
  const { store } = makeStore({ store: `sqlite:${file}`, sessions, tasks: [definition] }, systemPorts(), TOLD)
  later(t).defer(() => store.close())
  return store
}

/** Sessions of an application that has made its first table there. */
function application(t: TestContext, file: string): SessionProvider {
  const database = new DatabaseSync(file)
  t.after(() => database.close())
  database.exec('CREATE TABLE task (title TEXT)')
  return nodeSqliteSession(database)
}

describe('the store of a background with sessions', () => {
  test('lies in the file of one of them, whatever that is called', async (t) => {
    const names: Readonly<Record<string, (file: string) => string>> = {
      'by its own name': (file) => file,
      'by a relative name': (file) => relative(process.cwd(), file),
      'by a symbolic link': (file) => {
        const link = join(folder(t), 'link.db')
        symlinkSync(file, link)
        return link
      },
    }
    for (const [title, named] of Object.entries(names)) {
      const file = databaseFile(t)
      const db = application(t, file)
      const elsewhere = application(t, databaseFile(t))
      await assert.rejects(storeOf(t, named(file), { elsewhere }).open(), { code: 'STORE_NOT_OURS' }, title)
      await storeOf(t, named(file), { elsewhere }, { db }).open()
    }
  })

  test('is refused where another library has the file open, which would take the locks away', async (t) => {
    const file = databaseFile(t)
    const db: SessionProvider = { ...application(t, file), library: 'better-sqlite3' }
    const link = `${file}.other`
    linkSync(file, link)
    for (const other of [db, { ...db, file: relative(process.cwd(), file) }, { ...db, file: link }]) {
      await assert.rejects(storeOf(t, file, { ledger: other }).open(), {
        code: 'STORE_OTHER_LIBRARY',
        details: { file, session: 'ledger', library: 'better-sqlite3' },
      })
    }
  })

  test('asks by what SQLite a session works, which its library need not say', async (t) => {
    const file = databaseFile(t)
    const db = application(t, file)
    const mapped = { ...db, library: 'drizzle' }
    await assert.rejects(storeOf(t, file, { db: mapped }).open(), { code: 'STORE_OTHER_LIBRARY' })
    await assert.rejects(storeOf(t, file, { db: { ...db, sqlite: 'other' } }).open(), { code: 'STORE_OTHER_LIBRARY' })
    await storeOf(t, file, { db: { ...mapped, sqlite: 'node' } }).open()
  })

  test('has nothing to do with sessions in memory, on servers, or in other files', async (t) => {
    const db = application(t, databaseFile(t))
    const nowhere: SessionProvider = { ...db, library: 'pg', file: undefined }
    const missing: SessionProvider = { ...db, library: 'better-sqlite3', file: join(folder(t), 'none', 'x.db') }
    await storeOf(t, databaseFile(t), { db, nowhere, missing, memory: application(t, ':memory:') }).open()
  })
})
