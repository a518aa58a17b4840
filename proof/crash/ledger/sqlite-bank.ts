import { DatabaseSync } from 'node:sqlite'
import { nodeSqliteSession } from '../../../src/sessions/node-sqlite.ts'
import type { Bank, Books, Entry, Vault } from './bank.ts'
import { ACCOUNTS, OPENING_CENTS } from './plan.ts'

const TABLES = ['transfer', 'fee', 'notice'] as const

/** Accounts in a file of SQLite, the store's or another one. */
export function sqliteBank(file: string): Bank<DatabaseSync> {
  return {
    provider: nodeSqliteSession(new DatabaseSync(file)),
    async balances(db, accounts) {
      const read = db.prepare('SELECT cents FROM account WHERE id = ?')
      const of = (account: number): number => (read.get(account) as { cents: number }).cents
      return [of(accounts[0]), of(accounts[1])]
    },
    async setBalance(db, account, cents) {
      db.prepare('UPDATE account SET cents = ? WHERE id = ?').run(cents, account)
    },
    async enter(db, { table, task, transfer, payer, payee, cents }) {
      db.prepare(`INSERT INTO ${table} (task, transfer, payer, payee, cents) VALUES (?, ?, ?, ?, ?)`).run(
        task,
        transfer,
        payer,
        payee,
        cents,
      )
    },
  }
}

/** The file of the accounts. */
export function sqliteVault(file: string): Vault {
  return {
    address: file,
    async open() {
      using database = new DatabaseSync(file)
      database.exec('PRAGMA journal_mode = WAL; BEGIN')
      database.exec('CREATE TABLE account (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL) STRICT')
      for (const table of TABLES) {
        database.exec(`CREATE TABLE ${table} (task TEXT NOT NULL, transfer TEXT NOT NULL,
          payer INTEGER NOT NULL, payee INTEGER NOT NULL, cents INTEGER NOT NULL) STRICT`)
      }
      const account = database.prepare('INSERT INTO account (id, cents) VALUES (?, ?)')
      for (let id = 0; id < ACCOUNTS; id++) account.run(id, OPENING_CENTS)
      database.exec('COMMIT')
    },
    read: async () => readBooks(file),
    remove: async () => undefined,
  }
}

function readBooks(file: string): Books {
  using database = new DatabaseSync(file, { readOnly: true })
  const balances = database.prepare('SELECT cents FROM account ORDER BY id').all() as { cents: number }[]
  const entries = TABLES.flatMap((table) =>
    (database.prepare(`SELECT * FROM ${table}`).all() as unknown as Omit<Entry, 'table'>[]).map((row) => ({
      table,
      ...row,
    })),
  )
  return { balances: balances.map(({ cents }) => cents), entries }
}
