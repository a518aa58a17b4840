import { DatabaseSync, StatementSync } from 'node:sqlite'

/** How often SQLite was asked for something in this process since {@link countStatements} was called. */
export const COUNTED = { statements: 0, commits: 0 }

/**
 * Counts every statement that this process runs through `node:sqlite`. It has to be called before a database is opened. What
 * counts costs a few dozen nanoseconds a statement, so that processes whose speed is measured do without.
 */
export function countStatements(): void {
  const note = (sql: string): void => {
    COUNTED.statements++
    if (/^\s*COMMIT/i.test(sql)) COUNTED.commits++
  }
  for (const verb of ['run', 'get', 'all', 'iterate'] as const) {
    const original = Reflect.get(StatementSync.prototype, verb) as (...values: unknown[]) => unknown
    Reflect.set(StatementSync.prototype, verb, function counted(this: StatementSync, ...values: unknown[]) {
      note(this.sourceSQL)
      return original.apply(this, values)
    })
  }
  const exec = Reflect.get(DatabaseSync.prototype, 'exec')
  Reflect.set(DatabaseSync.prototype, 'exec', function counted(this: DatabaseSync, sql: string) {
    note(sql)
    exec.call(this, sql)
  })
}
