import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { type PgSession, pgSession } from '../../../src/sessions/pg.ts'
import type { Bank, Books, Entry, Vault } from './bank.ts'
import { ACCOUNTS, OPENING_CENTS } from './plan.ts'

const SERVER = 'postgres://postgres@127.0.0.1:5432'
const TABLES = ['transfer', 'fee', 'notice'] as const

/** Accounts in Postgres. */
export function pgBank(url: string): Bank<PgSession> {
  return {
    provider: pgSession(new pg.Pool({ connectionString: url, max: 8 })),
    async balances(db, accounts) {
      // In the order of their numbers, so that two transfers never wait for each other.
      const { rows } = await db.query<{ id: number; cents: number }>(
        'SELECT id, cents FROM account WHERE id = ANY($1) ORDER BY id FOR UPDATE',
        [accounts],
      )
      const of = (account: number): number => rows.find(({ id }) => id === account)!.cents
      return [of(accounts[0]), of(accounts[1])]
    },
    async setBalance(db, account, cents) {
      await db.query('UPDATE account SET cents = $1 WHERE id = $2', [cents, account])
    },
    async enter(db, { table, task, transfer, payer, payee, cents }) {
      const sql = `INSERT INTO ${table} (task, transfer, payer, payee, cents) VALUES ($1, $2, $3, $4, $5)`
      await db.query(sql, [task, transfer, payer, payee, cents])
    },
  }
}

/** A database of its own for a run, on the server of this machine; undefined when none answers. */
export async function pgVault(): Promise<Vault | undefined> {
  const name = `afterword_ledger_${process.pid}_${randomBytes(4).toString('hex')}`
  try {
    await onDatabase('postgres', (client) => client.query(`CREATE DATABASE ${name}`))
  } catch (error) {
    if ((error as { code?: string }).code === 'ECONNREFUSED') return undefined
    throw error
  }
  return {
    address: `${SERVER}/${name}`,
    open: () => onDatabase(name, makeTables),
    read: () => onDatabase(name, readBooks),
    async remove() {
      await onDatabase('postgres', (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`))
    },
  }
}

async function makeTables(client: pg.Client): Promise<void> {
  await client.query('CREATE TABLE account (id integer PRIMARY KEY, cents integer NOT NULL)')
  for (const table of TABLES) {
    await client.query(`CREATE TABLE ${table} (task text NOT NULL, transfer text NOT NULL,
      payer integer NOT NULL, payee integer NOT NULL, cents integer NOT NULL)`)
  }
  await client.query('INSERT INTO account (id, cents) SELECT id, $1 FROM generate_series(0, $2) AS id', [
    OPENING_CENTS,
    ACCOUNTS - 1,
  ])
}

async function readBooks(client: pg.Client): Promise<Books> {
  const { rows: accounts } = await client.query<{ cents: number }>('SELECT cents FROM account ORDER BY id')
  const entries: Entry[] = []
  for (const table of TABLES) {
    const { rows } = await client.query<Omit<Entry, 'table'>>(`SELECT * FROM ${table}`)
    for (const row of rows) entries.push({ table, ...row })
  }
  return { balances: accounts.map(({ cents }) => cents), entries }
}

async function onDatabase<Result>(name: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: `${SERVER}/${name}` })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
