import type { DatabaseSync } from 'node:sqlite'
import { SqliteDialect } from 'kysely'

/** What Kysely, which MikroORM is made upon, expects of a connection, made of one of node:sqlite. */
export function dialectOn(database: DatabaseSync): SqliteDialect {
  return new SqliteDialect({
    database: {
      prepare(sql) {
        const statement = database.prepare(sql)
        return {
          reader: statement.columns().length > 0,
          all: (values) => statement.all(...(values as string[])),
          run: (values) => statement.run(...(values as string[])),
          iterate: (values) => statement.iterate(...(values as string[])),
        }
      },
      close: () => database.close(),
    },
  })
}
