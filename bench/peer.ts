/**
 * What a benchmark asks of a library that runs tasks. Afterword, its peers and the floors each have one driver that says it
 * in their own words; the benchmarks know nothing else of them.
 */

/** The input of every task: about 70 bytes of JSON. */
export interface TaskInput {
  /** The number of the task, so that lost and doubled ones are noticed. */
  readonly n: number
  /** When it was added, on the machine's monotonic clock in milliseconds; 0 where nobody asks. */
  readonly at: number
  readonly to: string
  readonly template: string
}

/** Makes the input of one task. */
export function taskInput(n: number, at = 0): TaskInput {
  return { n, at, to: 'someone@example.org', template: 'welcome' }
}

/** Where one store of one run lives. */
export interface Place {
  /** An empty folder. */
  readonly folder: string
  /** Letters, digits and `_`, of this store alone: a schema, a prefix. */
  readonly name: string
  readonly redisPort: number
  readonly postgres: string
}

/** What survives when an add has been acknowledged. */
export type Survives = 'nothing' | 'process' | 'power'

/** One way to run tasks. */
export interface Driver {
  readonly name: string
  /** How it is set up, in a few words. */
  readonly says: string
  /** What an acknowledged task survives: nothing, the death of the process, a power cut. */
  readonly survives: Survives
  /** The server that it needs; embedded ones need none. */
  readonly needs?: 'redis' | 'postgres'
  /** The packages whose versions are its version. */
  readonly packages: readonly string[]
  /** Tasks that it is given to drain in a slice; about as many as it runs in half a second. */
  readonly drains: number
  /** It holds the event loop until nothing waits: it answers nobody meanwhile. */
  readonly hogs?: boolean
  /** Makes an empty store. */
  prepare(place: Place): Promise<void>
  /** Opens the store in this process. */
  open(place: Place): Promise<OpenDriver>
  /** The numbers of all tasks that are stored and have not ended. */
  stored(place: Place): Promise<number[]>
  /** Removes what outlives the folder. */
  clear(place: Place): Promise<void>
}

/** A driver at work in this process. */
export interface OpenDriver {
  /** Resolves when the library says that the task is stored. */
  add(input: TaskInput): Promise<unknown>
  /** Stores many as fast as the library can. */
  addMany(inputs: readonly TaskInput[]): Promise<unknown>
  /** Runs tasks here from this moment on. */
  work(run: (input: TaskInput) => Promise<void>): Promise<void>
  /** How many tasks have not ended, as the store sees it. */
  left(): Promise<number>
  close(): Promise<void>
}

/** Fills by as many adds at once as the store likes, for libraries without a bulk call. */
export async function addAll(
  add: (input: TaskInput) => Promise<unknown>,
  inputs: readonly TaskInput[],
  atOnce = 64,
): Promise<void> {
  let next = 0
  const adder = async (): Promise<void> => {
    while (next < inputs.length) await add(inputs[next++]!)
  }
  await Promise.all(Array.from({ length: atOnce }, adder))
}

const CLOCK_OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** Milliseconds on the machine's monotonic clock, the same in every process. */
export function machineNow(): number {
  return performance.now() + CLOCK_OFFSET_MS
}

/** Resolves after that many milliseconds. */
export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
