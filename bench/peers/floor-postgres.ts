import type { Driver, OpenDriver, TaskInput } from '../peer.ts'
import { ask, loadPg, type PgClient } from './postgres.ts'

/**
 * node-postgres by hand, for context: the adds of a turn in one INSERT, tasks taken 500 at a time by a DELETE that commits
 * after they have run, woken by NOTIFY.
 */
export const floorPostgres: Driver = {
  name: 'floor postgres',
  says: 'node-postgres by hand: grouped insert, delete of 500 that commits after they ran',
  survives: 'power',
  needs: 'postgres',
  packages: ['pg'],
  drains: 20_000,

  async prepare({ postgres, name }) {
    await ask(postgres, `CREATE SCHEMA ${name}`)
    await ask(postgres, `CREATE TABLE ${name}.task (id bigint PRIMARY KEY, input jsonb NOT NULL)`)
  },

  async open({ postgres, name }): Promise<OpenDriver> {
    const { Client, Pool } = await loadPg()
    const pool = new Pool({ connectionString: postgres, max: 4 })
    pool.on('error', () => undefined)
    const insert = {
      name: 'insert',
      text: `WITH added AS (INSERT INTO ${name}.task SELECT (input->>'n')::bigint, input FROM unnest($1::jsonb[]) AS input
        RETURNING 1) SELECT pg_notify('${name}', '') FROM added LIMIT 1`,
    }
    const take = {
      name: 'take',
      text: `DELETE FROM ${name}.task WHERE id IN
        (SELECT id FROM ${name}.task ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED) RETURNING input`,
    }
    const put = (inputs: readonly TaskInput[]): Promise<unknown> =>
      pool.query({ ...insert, values: [inputs.map((input) => JSON.stringify(input))] })
    let adds: { readonly input: TaskInput; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] =
      []
    let flushes = 0
    const flush = async (): Promise<void> => {
      if (adds.length === 0 || flushes >= 2) return
      const group = adds
      adds = []
      flushes++
      try {
        await put(group.map(({ input }) => input))
        for (const { resolve } of group) resolve()
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
      flushes--
      await flush()
    }
    let isClosing = false
    let wake = (): void => undefined
    const clients: PgClient[] = []
    let working: Promise<void> | undefined
    const workOn = async (client: PgClient, run: (input: TaskInput) => Promise<void>): Promise<void> => {
      while (!isClosing) {
        const woken = new Promise<void>((resolve) => (wake = resolve))
        await client.query('BEGIN')
        const { rows } = await client.query<{ input: TaskInput }>(take)
        await Promise.all(rows.map(({ input }) => run(input)))
        await client.query('COMMIT')
        if (rows.length === 0 && !isClosing) await woken
      }
    }
    return {
      add: (input) =>
        new Promise<void>((resolve, reject) => {
          if (adds.push({ input, resolve, reject }) === 1) setImmediate(() => void flush())
        }),
      addMany: async (inputs) => {
        for (let from = 0; from < inputs.length; from += 10_000) await put(inputs.slice(from, from + 10_000))
      },
      work: async (run) => {
        const [listener, worker] = [
          new Client({ connectionString: postgres }),
          new Client({ connectionString: postgres }),
        ]
        clients.push(listener, worker)
        for (const client of clients) await client.connect()
        listener.on('notification', () => wake())
        await listener.query(`LISTEN ${name}`)
        working = workOn(worker, run)
        working.catch((error: unknown) => console.error(error))
      },
      left: async () =>
        (await pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${name}.task`)).rows[0]!.count,
      close: async () => {
        isClosing = true
        wake()
        await working
        for (const client of clients) await client.end()
        await pool.end()
      },
    }
  },

  async stored({ postgres, name }) {
    const rows = await ask<{ input: TaskInput }>(postgres, `SELECT input FROM ${name}.task`)
    return rows.map(({ input }) => input.n)
  },

  clear: async ({ postgres, name }) => void (await ask(postgres, `DROP SCHEMA IF EXISTS ${name} CASCADE`)),
}
