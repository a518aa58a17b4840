import { systemPorts } from '../src/background-ports.ts'
import type { NewTask } from '../src/model/task.ts'
import { SqliteStore } from '../src/stores/sqlite/sqlite-store.ts'
import type { TaskInput } from './peer.ts'

const BATCH = 10_000

/** What is put into a store beside the tasks that are due. */
export interface FillOptions {
  /** Due at that instant, instead of at once. */
  readonly dueAt?: number
  /** Already run by a worker that has left: they are history. */
  readonly finished?: boolean
}

/**
 * Stores tasks in batches of 10,000 through the store port, which is how a benchmark gets a million of them in seconds;
 * the rows are those that `background.add` would have made.
 */
export async function fillStore(
  file: string,
  inputs: readonly TaskInput[],
  { dueAt, finished = false }: FillOptions = {},
): Promise<void> {
  const { clock, chance, ids } = systemPorts()
  const store = new SqliteStore(file, { clock, chance, sync: 'inline' })
  await store.open()
  try {
    const now = clock.now()
    const worker = await store.register({
      name: 'filler',
      pid: process.pid,
      host: 'bench',
      version: '0.0.0',
      runtime: 'none',
      leaseMs: 60_000,
      queues: [],
      definitions: [],
      registeredAt: now,
    })
    const newTask = (input: TaskInput): NewTask => ({
      id: ids.task(),
      name: 'send-welcome',
      queue: 'default',
      version: 1,
      priority: 0,
      dueAt,
      addedAt: now,
      input: { format: 0, text: JSON.stringify(input) },
      durability: 'process',
      series: undefined,
      after: undefined,
      requestId: undefined,
      carried: undefined,
      idempotent: false,
      claimFor: finished ? worker : undefined,
    })
    const nothing = { worker, outcomes: [], progress: [], durability: undefined, claim: undefined } as const
    for (let from = 0; from < inputs.length; from += BATCH) {
      const adds = inputs.slice(from, from + BATCH).map(newTask)
      await store.write({ ...nothing, adds }, now)
      if (!finished) continue
      const outcomes = adds.map(
        ({ id }) => ({ id, claims: 1, move: 'succeed', result: undefined, error: undefined, forget: false }) as const,
      )
      await store.write({ ...nothing, adds: [], outcomes }, now)
    }
    await store.retire(worker)
  } finally {
    await store.close()
  }
}
