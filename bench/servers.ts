import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { atExit } from './at-exit.ts'
import { wait } from './peer.ts'
import { connectRedis } from './peers/floor-redis.ts'
import { versionOf } from './peers/load.ts'
import { ask } from './peers/postgres.ts'

const PATIENCE_MS = 5_000

/** A Redis to be used. */
export interface Redis {
  readonly port: number
  stop(): Promise<void>
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/**
 * A Redis of our own that persists nothing, which is the fastest that a peer can get; where there is no `redis-server`, the
 * one of `REDIS_URL`, or of the standard port, as it is set up. A string says why there is none.
 */
export async function startRedis(): Promise<Redis | string> {
  if (versionOf('ioredis') === undefined) return 'ioredis could not be installed into bench/peers'
  if (spawnSync('redis-server', ['--version']).status === 0) {
    const port = await freePort()
    const options = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no']
    const server = spawn('redis-server', [...options, '--loglevel', 'warning'], { stdio: 'ignore' })
    const done = atExit(() => server.kill('SIGKILL'))
    server.once('exit', done)
    const stop = async (): Promise<void> => {
      if (server.exitCode !== null) return
      const gone = once(server, 'exit')
      server.kill('SIGTERM')
      await gone
    }
    if (await answersRedis(port)) return { port, stop }
    await stop()
  }
  const url = new URL(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379')
  const port = Number(url.port || 6379)
  if (await answersRedis(port)) return { port, stop: () => Promise.resolve() }
  return `no redis-server to start, and no Redis at ${url.host}`
}

async function answersRedis(port: number): Promise<boolean> {
  for (let left = PATIENCE_MS; left > 0; left -= 100) {
    const redis = await connectRedis(port)
    const isThere = await redis.ping().then(
      () => true,
      () => false,
    )
    redis.disconnect()
    if (isThere) return true
    await wait(100)
  }
  return false
}

/** The database of `DATABASE_URL`, or `test` at the standard port; an error says why there is none. */
export async function findPostgres(): Promise<string | Error> {
  const url = process.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
  try {
    await ask(url, 'SELECT 1')
    return url
  } catch (error) {
    const { host, pathname } = new URL(url)
    return new Error(`no Postgres at ${host}${pathname}: ${(error as Error).message}`)
  }
}

/** The versions of the servers that are used. */
export async function serverVersions(
  redisPort: number | undefined,
  postgres: string | undefined,
): Promise<Readonly<Record<'redis' | 'postgres', string>>> {
  const versions = { redis: '', postgres: '' }
  if (postgres !== undefined) {
    versions.postgres = (await ask<{ server_version: string }>(postgres, 'SHOW server_version'))[0]!.server_version
  }
  if (redisPort !== undefined) {
    const redis = await connectRedis(redisPort)
    versions.redis = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown'
    redis.disconnect()
  }
  return versions
}

/** Drops what a run left behind that was stopped half-way: its names hold the id of a process that is gone. */
export async function dropLeftovers(postgres: string): Promise<void> {
  const isLeft = ({ name }: { readonly name: string }): boolean => !isAlive(Number(name.split('_')[2]))
  const like = "LIKE 'afterword\\_bench\\_%'"
  const schemas = await ask<{ name: string }>(
    postgres,
    `SELECT nspname AS name FROM pg_namespace WHERE nspname ${like}`,
  )
  for (const { name } of schemas.filter(isLeft)) await ask(postgres, `DROP SCHEMA IF EXISTS ${name} CASCADE`)
  const databases = await ask<{ name: string }>(
    postgres,
    `SELECT datname AS name FROM pg_database WHERE datname ${like}`,
  )
  for (const { name } of databases.filter(isLeft)) await ask(postgres, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
