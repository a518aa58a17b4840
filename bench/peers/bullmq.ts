import type { Driver, OpenDriver, Place, TaskInput } from '../peer.ts'
import { load } from './load.ts'

interface Entry {
  readonly data: TaskInput
}
interface Queue {
  waitUntilReady(): Promise<unknown>
  add(name: string, data: TaskInput): Promise<unknown>
  addBulk(entries: readonly { readonly name: string; readonly data: TaskInput }[]): Promise<unknown>
  getJobCounts(...states: readonly string[]): Promise<Readonly<Record<string, number>>>
  getJobs(states: readonly string[], start: number, end: number): Promise<Entry[]>
  obliterate(options: { readonly force: boolean }): Promise<void>
  on(event: 'error', listener: () => void): void
  close(): Promise<void>
}
interface Worker {
  on(event: 'error', listener: () => void): void
  waitUntilReady(): Promise<unknown>
  close(force?: boolean): Promise<void>
}
interface BullMq {
  readonly Queue: new (name: string, options: object) => Queue
  readonly Worker: new (name: string, run: (entry: Entry) => Promise<void>, options: object) => Worker
}

const STATES = ['waiting', 'active', 'delayed', 'prioritized', 'failed', 'paused']

function settings({ redisPort, name }: Place): { readonly connection: object; readonly prefix: string } {
  return { connection: { host: '127.0.0.1', port: redisPort, maxRetriesPerRequest: null }, prefix: name }
}

async function openQueue(place: Place): Promise<Queue> {
  const { Queue } = await load<BullMq>('bullmq')
  // What its page on production advises.
  const defaultJobOptions = { removeOnComplete: true, removeOnFail: 1000 }
  const queue = new Queue('bench', { ...settings(place), defaultJobOptions })
  queue.on('error', () => undefined)
  await queue.waitUntilReady()
  return queue
}

/** BullMQ on Redis. */
export const bullmq: Driver = {
  name: 'bullmq',
  says: 'Redis without persistence, concurrency 100, finished tasks removed',
  survives: 'process',
  needs: 'redis',
  packages: ['bullmq', 'ioredis'],
  drains: 8_000,
  prepare: () => Promise.resolve(),

  async open(place): Promise<OpenDriver> {
    const queue = await openQueue(place)
    let worker: Worker | undefined
    return {
      add: (input) => queue.add('send-welcome', input),
      addMany: async (inputs) => {
        for (let from = 0; from < inputs.length; from += 1000) {
          await queue.addBulk(inputs.slice(from, from + 1000).map((data) => ({ name: 'send-welcome', data })))
        }
      },
      work: async (run) => {
        const { Worker } = await load<BullMq>('bullmq')
        worker = new Worker('bench', async ({ data }) => run(data), { ...settings(place), concurrency: 100 })
        worker.on('error', () => undefined)
        await worker.waitUntilReady()
      },
      left: async () => Object.values(await queue.getJobCounts(...STATES)).reduce((sum, count) => sum + count, 0),
      close: async () => {
        await worker?.close(true)
        await queue.close()
      },
    }
  },

  async stored(place) {
    const queue = await openQueue(place)
    const entries = await queue.getJobs(STATES, 0, -1)
    await queue.close()
    return entries.map(({ data }) => data.n)
  },

  async clear(place) {
    const queue = await openQueue(place)
    await queue.obliterate({ force: true })
    await queue.close()
  },
}
