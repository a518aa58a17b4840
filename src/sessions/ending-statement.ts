import type { SessionSql } from '../model/session.ts'

/**
 * Whether a statement ends the transaction that it runs in, or begins another one, which ends it for some databases; for MySQL
 * also whether it changes tables, which commits. Savepoints are no end. It looks at the first words only: a courtesy to who wrote
 * them, not a guard against who hides them.
 */
export function endsTransaction(sql: string, dialect: SessionSql['dialect'] | undefined): boolean {
  return ENDING.test(sql) || (dialect === 'mysql' && COMMITTING.test(sql))
}

const ENDING = /^\s*(?:commit|end|abort|begin|start\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i

/** @source "Statements That Cause an Implicit Commit", MySQL 8.4 Reference Manual, 15.3.3; the same in MariaDB. */
const COMMITTING = /^\s*(?:alter|(?:create|drop)(?!\s+temporary\b)|truncate|rename|grant|revoke|lock\s+tables)\b/i
