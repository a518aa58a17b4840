import { AfterwordError } from '../model/errors.ts'

/** Postgres answers COMMIT with ROLLBACK then, and calls that no error. */
export const ABORTED = 'a query in it had failed, and from then on Postgres takes back all of it'

/** By a statement of its own, or by one that commits on the way, as the making of a table does in MySQL. */
export const ENDED = 'a statement had ended it, and what came after that was kept query by query'

/** MySQL does so, and what comes after it is kept query by query. */
export const DEADLOCKED = 'a query in it had met a deadlock, for which the database takes back all of it'

/** Whether an error says that MySQL has taken back the transaction. */
export function isDeadlock(error: unknown): boolean {
  return (error as { readonly errno?: unknown } | undefined)?.errno === ER_LOCK_DEADLOCK
}

const ER_LOCK_DEADLOCK = 1213

/** Why a commit would keep nothing, or not all. */
export function transactionOver(library: string, why: string, cause?: unknown): AfterwordError {
  return new AfterwordError('SESSION_TRANSACTION_OVER', { library, why }, cause === undefined ? {} : { cause })
}

/** What Postgres says to every statement in a transaction in which one has failed. */
const IN_FAILED_TRANSACTION = '25P02'

/** The error as it is, or what it means where it says only that another one came before it. */
export function explainedByPostgres(library: string, error: unknown): unknown {
  return (error as { code?: unknown }).code === IN_FAILED_TRANSACTION ? transactionOver(library, ABORTED, error) : error
}
