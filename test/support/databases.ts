/**
 * Real database servers for tests. Each test file makes a database of its own and drops it at its end, so that files run
 * beside each other. Where no server answers they are skipped by name; in CI that is a failure where the server is installed.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import mysql from 'mysql2/promise'
import pg from 'pg'

/** A database that a test file has to itself. */
export interface TestDatabase {
  readonly url: string
  readonly database: string
  readonly host: string
  readonly port: number
  readonly user: string
  drop(): Promise<void>
}

const HOST = '127.0.0.1'
const POSTGRES = { port: 5432, user: 'postgres', installed: '/usr/lib/postgresql' }
const MARIADB = { port: 3306, user: 'root', installed: '/usr/sbin/mariadbd' }

/** False, or why tests that need Postgres are skipped. */
export const skipPostgres = await reasonToSkip('PostgreSQL', POSTGRES)

/** False, or why tests that need MariaDB are skipped. */
export const skipMariadb = await reasonToSkip('MariaDB', MARIADB)

/** A new, empty database of Postgres. */
export async function postgresDatabase(): Promise<TestDatabase> {
  const { port, user } = POSTGRES
  const database = newName()
  await onPostgres(`CREATE DATABASE ${database}`)
  return {
    url: `postgres://${user}@${HOST}:${port}/${database}`,
    database,
    host: HOST,
    port,
    user,
    drop: () => onPostgres(`DROP DATABASE ${database} WITH (FORCE)`),
  }
}

/** A new, empty database of MariaDB. */
export async function mariadbDatabase(): Promise<TestDatabase> {
  const { port, user } = MARIADB
  const database = newName()
  await onMariadb(`CREATE DATABASE ${database}`)
  return {
    url: `mysql://${user}@${HOST}:${port}/${database}`,
    database,
    host: HOST,
    port,
    user,
    drop: () => onMariadb(`DROP DATABASE ${database}`),
  }
}

function newName(): string {
  return `afterword_${process.pid}_${randomBytes(4).toString('hex')}`
}

async function onPostgres(sql: string): Promise<void> {
  const client = new pg.Client({ host: HOST, port: POSTGRES.port, user: POSTGRES.user, database: 'postgres' })
  await client.connect()
  await client.query(sql)
  await client.end()
}

async function onMariadb(sql: string): Promise<void> {
  const connection = await mysql.createConnection({ host: HOST, port: MARIADB.port, user: MARIADB.user })
  await connection.query(sql)
  await connection.end()
}

async function reasonToSkip(
  name: string,
  { port, installed }: { readonly port: number; readonly installed: string },
): Promise<false | string> {
  if (await answers(port)) return false
  const reason = `no ${name} answers at ${HOST}:${port}`
  if (process.env['CI'] === 'true' && existsSync(installed)) throw new Error(`${reason}, although it is installed`)
  return reason
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
