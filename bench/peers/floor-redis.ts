import type { Driver, OpenDriver, Place, TaskInput } from '../peer.ts'
import { load } from './load.ts'

/** What is used of ioredis. */
export interface Redis {
  lpush(key: string, ...values: readonly string[]): Promise<number>
  rpop(key: string, count: number): Promise<string[] | null>
  brpop(key: string, seconds: number): Promise<[string, string] | null>
  lrange(key: string, start: number, end: number): Promise<string[]>
  llen(key: string): Promise<number>
  del(key: string): Promise<number>
  ping(): Promise<string>
  info(section: string): Promise<string>
  on(event: 'error', listener: () => void): void
  disconnect(): void
}

/** A connection; it fails at once when nobody listens. */
export async function connectRedis(port: number): Promise<Redis> {
  const { Redis } = await load<{ Redis: new (options: object) => Redis }>('ioredis')
  const redis = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: 1 })
  redis.on('error', () => undefined)
  return redis
}

const key = ({ name }: Place): string => `${name}:floor`

/** A Redis list, for context: tasks are gone once they are taken, so a crash loses them. */
export const floorRedis: Driver = {
  name: 'floor redis',
  says: 'LPUSH, RPOP of 100 by hand; a task that was taken is lost in a crash',
  survives: 'nothing',
  needs: 'redis',
  packages: ['ioredis'],
  drains: 50_000,
  prepare: () => Promise.resolve(),

  async open(place): Promise<OpenDriver> {
    const redis = await connectRedis(place.redisPort)
    const list = key(place)
    let worker: Redis | undefined
    let isClosing = false
    const workOn = async (client: Redis, run: (input: TaskInput) => Promise<void>): Promise<void> => {
      const runAll = async (texts: readonly string[]): Promise<void> => {
        for (const text of texts) await run(JSON.parse(text) as TaskInput)
      }
      while (!isClosing) {
        const one = await client.brpop(list, 5)
        if (one === null) continue
        await runAll([one[1]])
        for (let more = await client.rpop(list, 100); more !== null; more = await client.rpop(list, 100)) {
          await runAll(more)
        }
      }
    }
    return {
      add: (input) => redis.lpush(list, JSON.stringify(input)),
      addMany: async (inputs) => {
        for (let from = 0; from < inputs.length; from += 1000) {
          await redis.lpush(list, ...inputs.slice(from, from + 1000).map((input) => JSON.stringify(input)))
        }
      },
      work: async (run) => {
        const client = await connectRedis(place.redisPort)
        worker = client
        // Closing breaks the connection on which it waits.
        void workOn(client, run).catch(() => undefined)
      },
      left: () => redis.llen(list),
      close: async () => {
        isClosing = true
        worker?.disconnect()
        redis.disconnect()
      },
    }
  },

  async stored(place) {
    const redis = await connectRedis(place.redisPort)
    const texts = await redis.lrange(key(place), 0, -1)
    redis.disconnect()
    return texts.map((text) => (JSON.parse(text) as TaskInput).n)
  },

  async clear(place) {
    const redis = await connectRedis(place.redisPort)
    await redis.del(key(place))
    redis.disconnect()
  },
}
