import type {
  ClaimedTask,
  Instant,
  KnownDefinition,
  NewTask,
  Outcome,
  StoredError,
  StoredValue,
  TaskId,
  WorkerRegistration,
} from '../../model/task.ts'

/** What names an attempt. */
export type Claim = Pick<ClaimedTask, 'id' | 'claims'>

/** A value in plain JSON. */
export function json(value: unknown): StoredValue {
  return { format: 0, text: JSON.stringify(value) }
}

/** A task of the name `work` in the queue `default`, without anything special but what is given. */
export function newTask(fields: Partial<NewTask> & { readonly id: TaskId; readonly addedAt: Instant }): NewTask {
  return {
    name: 'work',
    queue: 'default',
    version: 1,
    priority: 0,
    dueAt: undefined,
    input: json({ of: 'work' }),
    durability: 'process',
    series: undefined,
    after: undefined,
    requestId: undefined,
    carried: undefined,
    idempotent: false,
    claimFor: undefined,
    ...fields,
  }
}

/** Definitions of these names, of version 1 where no other is given behind an `@`. */
export function versioned(...names: readonly string[]): KnownDefinition[] {
  return names.map((text) => {
    const [name, version = '1'] = text.split('@') as [string, string?]
    return { name, version: Number(version) }
  })
}

/** What a worker says of itself that knows tasks of the name `work`. */
export function registration(fields: Partial<WorkerRegistration> = {}): WorkerRegistration {
  return {
    name: 'worker',
    pid: 4711,
    host: 'host',
    version: '1.2.3',
    runtime: 'node 24.15.0',
    queues: ['default'],
    definitions: versioned('work'),
    registeredAt: 0,
    leaseMs: 20_000,
    ...fields,
  }
}

/** The error of attempts that fail. */
export const NO_LUCK: StoredError = { name: 'Error', message: 'no luck' }

/** The attempt ended well. */
export function succeed({ id, claims }: Claim, fields: Partial<Outcome & { move: 'succeed' }> = {}): Outcome {
  return { id, claims, move: 'succeed', result: undefined, error: undefined, forget: false, ...fields }
}

/** The attempt failed, and another one follows. */
export function retry({ id, claims }: Claim, dueAt: Instant, costsAttempt = true): Outcome {
  return { id, claims, move: 'retry', dueAt, error: NO_LUCK, costsAttempt }
}

/** The attempt failed, and it was the last one. */
export function fail({ id, claims }: Claim): Outcome {
  return { id, claims, move: 'fail', error: NO_LUCK }
}

/** The attempt heeded a cancel. */
export function cancelled({ id, claims }: Claim): Outcome {
  return { id, claims, move: 'cancel', error: NO_LUCK }
}

/** The fields of a record that a case is about. */
export function pick<T extends object, K extends keyof T>(record: T, ...keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, record[key]])) as Pick<T, K>
}

/** Numbers in their order. */
export function sorted(numbers: Iterable<number>): number[] {
  return [...numbers].sort((a, b) => a - b)
}

/** The ids of tasks, in their order. */
export function ids(tasks: readonly { readonly id: TaskId }[]): TaskId[] {
  return tasks.map((task) => task.id)
}
