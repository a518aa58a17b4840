/**
 * Which version the schema of a file has, and whether the store has the file to itself.
 *
 * SQLite keeps two numbers for the owner of a file, `user_version` and `application_id`. In a shared file they are the
 * application's, whose tool for migrations may count with them: there the version stands in a table of ours and these are
 * neither read nor written. Releases below version 5 knew no shared files and looked at nothing else, so a file that the
 * store has to itself still tells them by these numbers that it is newer than they are (`ALONE` in migrations.ts). When the
 * application moves in, they go.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Incarnation } from '../../model/task.ts'
import { ALONE, APPLICATION_ID, type Migration, NOT_ALONE, OWN_NAMES_FROM } from './migrations.ts'
import { statements, statementsBefore5 } from './statements.ts'

/** A worker of an older release, as it registered. */
export interface OlderWorker {
  readonly incarnation: Incarnation
  readonly name: string
  readonly pid: number
  readonly version: string
}

/** The value of a pragma. */
export function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

/** Whether there is nothing in the file, of anybody. */
export function isWithoutTables(db: DatabaseSync): boolean {
  return countOf(db, 'tables') === 0
}

/** The version of our schema; 0 when there is none. */
export function versionOf(db: DatabaseSync): number {
  if (countOf(db, 'own_schema') > 0) return schemaOf(db).version
  return isAlone(db) ? (pragma(db, 'user_version') as number) : 0
}

/** The oldest schema that a worker may know and still work on this one. `version`: which this one is, above 0. */
export function compatibleFrom(db: DatabaseSync, version: number): number {
  if (version >= OWN_NAMES_FROM) return schemaOf(db).from_version
  return (db.prepare(statementsBefore5.compatibility).get() as Pick<Schema, 'from_version'>).from_version
}

/** Writes down that a step was taken. */
export function setVersion(db: DatabaseSync, { version, compatibleFrom: from }: Migration): void {
  if (version >= OWN_NAMES_FROM) db.prepare(statements.set_schema).run(version, from)
  else {
    db.prepare(statementsBefore5.set_compatibility).run(from)
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}`)
  }
}

/** Those that registered with a schema below `from`, dead or alive. */
export function olderWorkers(db: DatabaseSync, version: number, from: number): readonly OlderWorker[] {
  const { older_workers: sql } = version < OWN_NAMES_FROM ? statementsBefore5 : statements
  return db.prepare(sql).all(from) as unknown as OlderWorker[]
}

/** Whether the file says of itself that the store has it to itself. */
export function isAlone(db: DatabaseSync): boolean {
  return pragma(db, 'application_id') === APPLICATION_ID
}

/** Has the file say so, within a transaction. */
export function setAlone(db: DatabaseSync): void {
  db.exec(ALONE)
}

/**
 * The application moves into a file that the store had to itself, within a transaction. As long as it has made nothing, the
 * number of its migrations has to be 0, or its tool would leave out the first ones; after that it may be its own.
 */
export function moveIn(db: DatabaseSync): void {
  if (!isAlone(db)) return
  if (countOf(db, 'tables_of_others') === 0) db.exec('PRAGMA user_version = 0')
  db.exec(NOT_ALONE)
}

interface Schema {
  readonly version: number
  readonly from_version: number
}

function schemaOf(db: DatabaseSync): Schema {
  return db.prepare(statements.schema).get() as unknown as Schema
}

function countOf(db: DatabaseSync, name: 'tables' | 'own_schema' | 'tables_of_others'): number {
  return (db.prepare(statements[name]).get() as { count: number }).count
}
