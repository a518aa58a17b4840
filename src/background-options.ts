import { durability } from './model/add-options.ts'
import type { AnyTaskDefinition } from './model/definition.ts'
import type { Duration } from './model/duration.ts'
import type { Logger } from './model/logger.ts'
import {
  aFunction,
  boolean,
  custom,
  duration,
  either,
  heapMb,
  integer,
  listOf,
  recordOf,
  string,
  withMethods,
} from './model/option-kinds.ts'
import { group, type OptionsGiven, type OptionsRead, optionTable, rule } from './model/option-table.ts'
import { RETRY_OPTIONS } from './model/retry-options.ts'
import { sessionProviders } from './model/session-option.ts'
import type { Store } from './ports/store.ts'

const definition = custom('a definition made by defineTask', (given): given is AnyTaskDefinition => {
  const task = given as Partial<AnyTaskDefinition> | null
  return typeof task === 'object' && task !== null && typeof task.name === 'string' && typeof task.run === 'function'
})

const kept = duration({ max: '3650d' })

/** How long finished tasks are kept, by how they ended. */
export const RETENTION_OPTIONS = optionTable({
  succeeded: {
    is: kept,
    default: '1d',
    says: 'How long a succeeded task and its result are kept; 0 keeps neither, and is faster.',
  },
  failed: { is: kept, default: '30d', says: 'How long a task is kept that failed for good.' },
  cancelled: { is: kept, default: '7d', says: 'How long a cancelled task is kept.' },
  quarantined: { is: kept, default: '90d', says: 'How long a task is kept whose worker died three times.' },
})

/** The options of `createBackground`: types, defaults, checks and docs/options.md in one. */
export const BACKGROUND_OPTIONS = optionTable(
  {
    store: {
      is: either(string({ max: 4096 }), withMethods<Store>('open', 'close', 'register', 'write', 'find')),
      default: 'sqlite:./data/tasks.db',
      says: "Where tasks are kept: `'sqlite:./path/to/tasks.db'`, `'memory:'`, or a store object.",
    },
    tasks: { is: listOf(definition), default: [], says: 'Every definition that may be added or run here.' },
    sessions: {
      is: sessionProviders,
      default: {},
      says: 'Database sessions for requests and tasks, each provider by a name of your own: `{ db: pgSession(pool) }`.',
    },
    works: { is: boolean(), default: true, says: 'False: this process only adds; other workers run the tasks.' },
    concurrency: {
      is: integer({ min: 1, max: 10_000 }),
      default: 10,
      says: 'Tasks run at once in this process, for each queue that `queues` does not name.',
    },
    queues: {
      is: recordOf(integer({ min: 1, max: 10_000 })),
      default: {},
      says: 'Tasks run at once by queue. Served are these, the queues of the definitions, and `default`.',
    },
    serves: {
      is: listOf(string({ max: 100 })),
      default: undefined,
      says: 'The queues that this process takes tasks from. By default all that `queues` tells of.',
    },
    threads: {
      is: integer({ min: 0, max: 1_000 }),
      default: undefined,
      says: "Tasks with `thread: true` or `isolate: 'process'` that run at once. By default `os.availableParallelism()`; with 0 they run on the event loop.",
    },
    threadMemoryMb: {
      is: heapMb,
      default: undefined,
      says: "The limit of the heap of each thread or child process of tasks, in megabytes, without Buffers, where the definition does not say. By default Node's own.",
    },
    durability: {
      is: durability,
      default: 'power',
      says: 'What an acknowledged task survives: a `power` cut, or the death of the `process`.',
    },
    retry: {
      is: group(RETRY_OPTIONS),
      default: {},
      says: 'How failed attempts are repeated where the definition does not say.',
    },
    timeout: {
      is: duration({ min: 1 }),
      default: undefined,
      says: 'How long one attempt may take where the definition does not say. By default without limit.',
    },
    abandonAfter: {
      is: duration(),
      default: '5s',
      says: 'How long an attempt may go on after its signal has aborted before its place is given to others.',
    },
    retention: { is: group(RETENTION_OPTIONS), default: {}, says: 'How long finished tasks are kept.' },
    inputBytesMax: {
      is: integer({ min: 1, max: 64 * 1024 * 1024 }),
      default: 256 * 1024,
      says: 'The size of one input, in bytes as stored.',
    },
    resultBytesMax: {
      is: integer({ min: 1, max: 64 * 1024 * 1024 }),
      default: 256 * 1024,
      says: 'The size of one result or progress value, in bytes as stored.',
    },
    bufferMax: {
      is: integer({ min: 1, max: 10_000_000 }),
      default: 10_000,
      says: 'Tasks that this process may hold before they are stored; past it `add` throws BUFFER_FULL.',
    },
    backlogMax: {
      is: integer({ min: 1, max: 1_000_000_000 }),
      default: 10_000_000,
      says: 'Unfinished tasks in the store; past it `add` throws BACKLOG_FULL.',
    },
    grace: {
      is: duration({ max: '1h' }),
      default: '8s',
      says: 'How long `stop()` lets requests and attempts end by themselves.',
    },
    beat: { is: duration({ min: 100, max: '1h' }), default: '5s', says: 'How often a worker says that it is alive.' },
    lease: {
      is: duration({ min: 1_000, max: '1h' }),
      default: '20s',
      says: 'This worker is dead to the others when it is silent this long; they take its tasks back. A killed process is noticed at once.',
    },
    blockedAfter: {
      is: duration({ max: '1h' }),
      default: '100ms',
      says: 'An event loop that stands still for longer is reported, with task or request, file and line; 0 watches nothing.',
    },
    stuckAfter: {
      is: duration({ min: 1_000, max: '1h' }),
      default: '30s',
      says: 'An event loop that stands still this long gives its tasks to other workers. Not while a debugger is attached.',
    },
    poll: {
      is: duration({ min: 100, max: '1h' }),
      default: '5s',
      says: 'The safety net under wake-ups: how often a worker looks for work that nobody told it of.',
    },
    name: {
      is: string({ max: 200 }),
      default: undefined,
      says: 'What this worker is called in logs. By default its host and process id.',
    },
    carry: {
      is: aFunction<() => Readonly<Record<string, unknown>>>(),
      default: undefined,
      says: 'Called at each add: storable data that travels with the task, as `context.carried`.',
    },
    logger: {
      is: withMethods<Logger>('debug', 'info', 'warn', 'error'),
      default: undefined,
      says: 'A pino logger or the like. By default warnings and errors go to stderr; AFTERWORD_LOG=info or debug shows more.',
    },
  },
  [
    rule('lease must be at least 3 × beat', (o) => o.leaseMs >= 3 * o.beatMs),
    rule('serves must name at least one queue (works: false takes none)', (o) => o.serves?.length !== 0),
  ],
)

/** What {@link createBackground} takes; every option has a default. */
export type BackgroundOptions = OptionsGiven<typeof BACKGROUND_OPTIONS>

/** The options with their defaults, durations in milliseconds. */
export type ReadBackgroundOptions = OptionsRead<typeof BACKGROUND_OPTIONS>

/** What {@link Background.stop} takes. */
export interface StopOptions {
  /** How long requests and attempts may end by themselves; the background's `grace` is the default. */
  readonly grace?: Duration | undefined
}
