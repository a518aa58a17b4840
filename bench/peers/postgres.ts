import { load } from './load.ts'

/** A connection of node-postgres. */
export interface PgClient {
  connect(): Promise<void>
  query<Row>(sql: string, values?: readonly unknown[]): Promise<{ readonly rows: Row[] }>
  query<Row>(query: {
    readonly name: string
    readonly text: string
    readonly values?: readonly unknown[]
  }): Promise<{ readonly rows: Row[] }>
  on(event: 'notification' | 'error', listener: () => void): void
  end(): Promise<void>
}

/** A pool of them. */
export interface PgPool {
  query: PgClient['query']
  on(event: 'error', listener: () => void): void
  on(event: 'connect', listener: (client: PgClient) => void): void
  end(): Promise<void>
}

/** What is used of node-postgres. */
export interface Pg {
  readonly Client: new (options: { readonly connectionString: string }) => PgClient
  readonly Pool: new (options: { readonly connectionString: string; readonly max: number }) => PgPool
}

/** node-postgres. */
export async function loadPg(): Promise<Pg> {
  return (await load<{ readonly default: Pg }>('pg')).default
}

/** Asks one question over a connection of its own. */
export async function ask<Row>(url: string, sql: string): Promise<Row[]> {
  const { Client } = await loadPg()
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}
