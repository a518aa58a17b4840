/** What a process of `afterword start` is, and what it and its supervisor say to each other. */
import type { Incarnation } from '../model/task.ts'

/** Web processes serve requests; workers run tasks. */
export type Role = 'web' | 'worker'

/** What a process is told before it imports the application. */
export interface ProcessSettings {
  readonly role: Role
  /** The path of the application's module. */
  readonly entry: string
  /** What the module is called in messages. */
  readonly entryName: string
  /** How many web processes and workers there are beside each other; a worker alone has no others. */
  readonly processes: { readonly web: number; readonly worker: number }
  readonly queues: readonly string[] | undefined
  readonly concurrency: number | undefined
  /** As the command line says; else the background's own `grace` decides. */
  readonly graceMs: number | undefined
  /** How long it may take until it is ready, in milliseconds. */
  readonly startTimeoutMs: number
  /** After so many attempts the process asks to be replaced. */
  readonly maxTasks: number | undefined
  /** At so much resident memory it does. */
  readonly maxMemoryMb: number | undefined
}

/** How a process shall stop. */
export interface StopOrder {
  /** All of it, in milliseconds; undefined is the process's own grace. */
  readonly graceMs: number | undefined
  /** True where others go on serving: then idle connections are left for their clients to come once more, and be told to leave. */
  readonly gently: boolean
}

/** What the supervisor says. */
export type ToProcess = ({ readonly kind: 'stop' } & StopOrder) | { readonly kind: 'hurry' }

/** What became of the tasks of a process that has stopped. */
export interface StopCounts {
  readonly finished: number
  readonly handedBack: number
  readonly abandoned: number
}

/** What a process says. */
export type FromProcess =
  | {
      readonly kind: 'ready'
      /** The registrations of its backgrounds. */
      readonly incarnations: readonly Incarnation[]
      /** Where its servers listen, such as `127.0.0.1:3000`. */
      readonly listens: readonly string[]
      /** The queues that it takes tasks from. */
      readonly serves: readonly string[]
      readonly graceMs: number
      /** What its owner should know. */
      readonly warnings: readonly string[]
    }
  /** It can never start like this, so that trying again is of no use. */
  | { readonly kind: 'refused'; readonly message: string }
  /** It ends before it was ready; the last of what it wrote to stderr. */
  | { readonly kind: 'failing'; readonly output: string }
  /** It stops because of a signal of its own. */
  | { readonly kind: 'stopping'; readonly signal: string }
  | ({ readonly kind: 'stopped' } & StopCounts)
  /** A limit is reached: it should be replaced. */
  | { readonly kind: 'worn'; readonly why: string }
