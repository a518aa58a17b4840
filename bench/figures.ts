/**
 * The figures that Afterword has to reach, under the keys that `--json` and docs/performance.md use. Each is a ratio within
 * one run, or a time too short to depend on the machine much; none is a rate.
 */

/** One figure and its bound. */
export interface Target {
  /** The benchmark that measures it. */
  readonly bench: BenchName
  readonly says: string
  /** What it must reach: at least this, or at most this. */
  readonly bound: { readonly atLeast: number } | { readonly atMost: number }
  /** What it should reach. */
  readonly goal?: number
}

/** What `npm run bench -- NAME` takes besides `all`, in the order in which `all` runs them. */
export const BENCH_NAMES = [
  'http',
  'throughput',
  'latency',
  'backlog',
  'idle',
  'memory',
  'blocking',
  'pulse',
  'session',
] as const

/** The name of one benchmark. */
export type BenchName = (typeof BENCH_NAMES)[number]

/** Every figure that has a bound. A benchmark may print more. */
export const TARGETS = {
  'http.durable_vs_none': {
    bench: 'http',
    says: 'an endpoint that adds one durable task (`power`) ÷ the same without the library',
    bound: { atLeast: 0.55 },
    goal: 0.75,
  },
  'http.durable_vs_volatile': {
    bench: 'http',
    says: 'the same ÷ the endpoint with a `setImmediate` task',
    bound: { atLeast: 0.6 },
    goal: 0.85,
  },
  'http.attached_vs_bare': {
    bench: 'http',
    says: 'requests without a task, library attached ÷ without the library',
    bound: { atLeast: 0.95 },
    goal: 0.99,
  },
  'http.vs_best_peer': {
    bench: 'http',
    says: 'the durable endpoint ÷ the same endpoint awaiting one add of the fastest peer',
    bound: { atLeast: 2 },
    goal: 3,
  },
  'http.vs_fastapi': {
    bench: 'http',
    says: 'the durable endpoint ÷ FastAPI on uvicorn with one volatile task',
    bound: { atLeast: 1.5 },
    goal: 2.5,
  },
  'http.bystander_p99': {
    bench: 'http',
    says: 'p99 of requests without a task while others write tasks to a disk with 5 ms per sync ÷ the same without tasks',
    bound: { atMost: 2 },
  },
  'throughput.sqlite_vs_floor': {
    bench: 'throughput',
    says: 'durable tasks/s end to end ÷ raw grouped insert + delete in `node:sqlite`, same durability',
    bound: { atLeast: 0.4 },
    goal: 0.7,
  },
  'throughput.sqlite_vs_best_peer': {
    bench: 'throughput',
    says: 'the same, finished tasks kept ÷ the fastest embedded peer at the same or a weaker durability',
    bound: { atLeast: 5 },
    goal: 10,
  },
  'latency.same_process_p50_ms': {
    bench: 'latency',
    says: 'response sent to task start, same process, p50 in ms',
    bound: { atMost: 1 },
  },
  'latency.other_process_p99_ms': {
    bench: 'latency',
    says: 'add in one process to start in another, idle, p99 in ms',
    bound: { atMost: 10 },
  },
  'backlog.million_vs_ten_thousand': {
    bench: 'backlog',
    says: 'tasks/s with 1,000,000 waiting ÷ with 10,000 waiting',
    bound: { atLeast: 0.9 },
  },
  'idle.cpu_percent': {
    bench: 'idle',
    says: 'an idle worker, percent of one core',
    bound: { atMost: 0.2 },
  },
  'blocking.thread_p99_ratio': {
    bench: 'blocking',
    says: 'p99 of other requests beside a task that computes for 2 s with `thread: true` ÷ without it',
    bound: { atMost: 3 },
  },
  'pulse.watched_vs_unwatched': {
    bench: 'pulse',
    says: 'requests/s of the durable endpoint with a pulse thread ÷ without, while nothing blocks',
    bound: { atLeast: 0.99 },
  },
  'session.overhead': {
    bench: 'session',
    says: "an attempt that writes through its session, in the store's file ÷ the same with `BEGIN IMMEDIATE … COMMIT` by hand, which a crash may repeat",
    bound: { atMost: 1.1 },
  },
} as const satisfies Readonly<Record<string, Target>>

/** The key of a figure that has a bound. */
export type TargetKey = keyof typeof TARGETS

/** The figure of that key, if it has a bound. */
export function targetOf(key: string): Target | undefined {
  return Object.hasOwn(TARGETS, key) ? TARGETS[key as TargetKey] : undefined
}

/** Whether a value keeps its bound. */
export function keeps(target: Target, value: number): boolean {
  return 'atLeast' in target.bound ? value >= target.bound.atLeast : value <= target.bound.atMost
}
