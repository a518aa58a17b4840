import type { SessionProvider } from '../../../src/index.ts'

/** A row that says what a task has done. Nothing but the checkers keeps two of them from being alike. */
export interface Entry {
  readonly table: 'transfer' | 'fee' | 'notice'
  /** The task that wrote it. */
  readonly task: string
  /** The task of the transfer: the same for the transfer itself. */
  readonly transfer: string
  readonly payer: number
  readonly payee: number
  readonly cents: number
}

/** The accounts, in a database that an attempt has a session of. */
export interface Bank<Handle> {
  readonly provider: SessionProvider<Handle>
  /** What is on these two, in their order. Nobody else can write to them until the session ends. */
  balances(db: Handle, accounts: readonly [number, number]): Promise<readonly [number, number]>
  /** From here on so much is on it. */
  setBalance(db: Handle, account: number, cents: number): Promise<void>
  enter(db: Handle, entry: Entry): Promise<void>
}

/** What a run left in the database of the accounts. */
export interface Books {
  /** By the number of the account. */
  readonly balances: readonly number[]
  readonly entries: readonly Entry[]
}

/** Where the accounts are: in the file of the store, in another one, or in Postgres. */
export type Data = 'store' | 'other' | 'postgres'

/** The database of a run, as the one who began it sees it. */
export interface Vault {
  /** What servers are told of it: a file, or a URL. */
  readonly address: string
  /** Makes the accounts and the tables. */
  open(): Promise<void>
  /** Reads what is left, when nobody has it open any more. */
  read(): Promise<Books>
  /** Removes what `open` made, unless that goes with the folder of the run. */
  remove(): Promise<void>
}
