import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { wait } from './peer.ts'
import { connectRedis } from './peers/floor-redis.ts'
import { load } from './peers/load.ts'

const PATIENCE_MS = 5_000

/** A Redis to be used. */
export interface Redis {
  readonly port: number
  /** The process, when it is ours. */
  readonly pid: number | undefined
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
  if (spawnSync('redis-server', ['--version']).status === 0) {
    const port = await freePort()
    const options = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no']
    const server = spawn('redis-server', [...options, '--loglevel', 'warning'], { stdio: 'ignore' })
    const stop = async (): Promise<void> => {
      if (server.exitCode !== null) return
      const gone = once(server, 'exit')
      server.kill('SIGTERM')
      await gone
    }
    if (await answersRedis(port)) return { port, pid: server.pid, stop }
    await stop()
  }
  const url = new URL(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379')
  const port = Number(url.port || 6379)
  if (await answersRedis(port)) return { port, pid: undefined, stop: () => Promise.resolve() }
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
    const { ask } = await import('./peers/postgres.ts')
    await ask(url, 'SELECT 1')
    return url
  } catch (error) {
    const { host, pathname } = new URL(url)
    return new Error(`no Postgres at ${host}${pathname}: ${(error as Error).message}`)
  }
}

/** The version of what listens there, for the report. */
export async function serverVersions(redisPort: number, postgres: string): Promise<Readonly<Record<string, string>>> {
  const versions: Record<string, string> = {}
  if (postgres !== '') {
    const { ask } = await import('./peers/postgres.ts')
    versions['postgres'] = (await ask<{ server_version: string }>(postgres, 'SHOW server_version'))[0]!.server_version
  }
  if (redisPort !== 0) {
    const { Redis } = await load<{
      Redis: new (options: object) => { info(section: string): Promise<string>; disconnect(): void }
    }>('ioredis')
    const redis = new Redis({ host: '127.0.0.1', port: redisPort })
    versions['redis'] = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown'
    redis.disconnect()
  }
  return versions
}
