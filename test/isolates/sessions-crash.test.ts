/**
 * Kills around the commit of a session in a thread or a child process. The method: a process is killed by SIGKILL at a named moment,
 * another one finds what is left, and payments and receipts are counted.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, test, type TestContext } from 'node:test'
import pg from 'pg'
import { bench, databaseFile } from '../support/bench.ts'
import { postgresDatabase, skipPostgres } from '../support/databases.ts'
import { startProgram } from '../support/start-program.ts'
import type { Death, Place } from './children/paying-tasks.ts'

const folder = mkdtempSync(join(tmpdir(), 'afterword-'))
const made = skipPostgres === false ? await postgresDatabase() : undefined
const FILE = join(folder, 'application.db')
process.env['AFTERWORD_TEST_FILE'] = FILE
process.env['AFTERWORD_TEST_SERVER'] = made?.url ?? ''

const file = new DatabaseSync(FILE)
file.exec('CREATE TABLE payment (id TEXT NOT NULL, attempt INTEGER NOT NULL)')
const server = new pg.Pool({ connectionString: made?.url ?? '' })
if (made !== undefined) await server.query('CREATE TABLE payment (id text NOT NULL, attempt integer NOT NULL)')
after(async () => {
  file.close()
  rmSync(folder, { recursive: true })
  await server.end()
  await made?.drop()
})

const { all, paying, receipt } = await import('./children/paying-tasks.ts')

/** The attempts that have paid, by task. */
const payments = {
  file: (id: string) =>
    Promise.resolve(
      file
        .prepare('SELECT attempt FROM payment WHERE id = ?')
        .all(id)
        .map(({ attempt }) => attempt),
    ),
  server: async (id: string) =>
    (await server.query<{ attempt: number }>('SELECT attempt FROM payment WHERE id = $1', [id])).rows.map(
      ({ attempt }) => attempt,
    ),
}

type Kind = keyof typeof paying

/** The store in which a payment is left that was under way when its process was killed. */
async function killed(t: TestContext, kind: Kind, place: Place, death: Death, id: string): Promise<string> {
  const store = `sqlite:${databaseFile(t)}`
  process.env['AFTERWORD_TEST_DEATH'] = death
  const program = startProgram(join(import.meta.dirname, 'children', 'dies-paying.ts'), [store, kind, place, id])
  // Whoever finds the rest lives on.
  delete process.env['AFTERWORD_TEST_DEATH']
  const [, signal] = (await once(program, 'exit')) as [number, string]
  assert.equal(signal, 'SIGKILL')
  return store
}

/** Which attempts have paid, what was the result, and what the receipts say, once all is done. */
async function found(t: TestContext, store: string, place: Place, id: string) {
  const { background } = bench(t, { store, tasks: all })
  const result = await background.result(id)
  const { tasks } = await background.list({ name: receipt.name })
  const receipts = await Promise.all(tasks.map((task) => background.result({ id: task.id })))
  return { paid: await payments[place](id), result, receipts }
}

for (const kind of ['thread', 'process'] as const) {
  for (const place of ['file', 'server'] as const) {
    const where = place === 'file' ? 'SQLite' : 'Postgres'
    const ofFirst = (id: string) => ({ paid: [1], result: `${id} by attempt 1`, receipts: [`${id} by attempt 1`] })

    describe(`an attempt in a ${kind} with a session of ${where}`, { skip: place === 'server' && skipPostgres }, () => {
      for (const death of ['parent after commit', 'parent before record'] as const) {
        test(`is not repeated by the next one when the process is killed (${death}): its result and what it added count`, async (t) => {
          const id = `${kind} ${death}`
          const store = await killed(t, kind, place, death, id)
          assert.deepEqual(await found(t, store, place, id), ofFirst(id))
        })
      }

      test('pays once when the process is killed before the commit, whoever of the two attempts does it', async (t) => {
        const id = `${kind} before commit`
        const store = await killed(t, kind, place, 'parent before commit', id)
        const { paid, result, receipts } = await found(t, store, place, id)
        assert.equal(paid.length, 1)
        const told = `${id} by attempt ${String(paid[0])}`
        assert.deepEqual([result, receipts], [told, [told]])
      })
    })
  }
}

describe('an attempt whose child process is killed after the commit', () => {
  for (const place of ['file', 'server'] as const) {
    const skip = place === 'server' && skipPostgres
    test(`is not repeated by the next one in another child process, on a ${place}`, { skip }, async (t) => {
      const id = `only the child on a ${place}`
      const store = `sqlite:${databaseFile(t)}`
      process.env['AFTERWORD_TEST_DEATH'] = 'child after commit' satisfies Death
      t.after(() => delete process.env['AFTERWORD_TEST_DEATH'])
      const { background, until } = bench(t, { store, tasks: all })
      await background.add(paying.process[place], id, { id })
      assert.equal((await until('attempt:failed', id)).error?.code, 'PROCESS_KILLED')
      assert.equal(await background.result(id), `${id} by attempt 1`)
      assert.deepEqual(await payments[place](id), [1])
      const { tasks } = await background.list({ name: receipt.name })
      assert.deepEqual(await Promise.all(tasks.map((task) => background.result({ id: task.id }))), [
        `${id} by attempt 1`,
      ])
    })
  }
})
