/** Tasks that run in threads, and the same in child processes. The module starts nothing, so that these may import it. */
import { isMainThread, threadId } from 'node:worker_threads'
import { z } from 'zod'
import { defineTask } from '../../../src/define-task.ts'
import type { AbortReason, TaskContext } from '../../../src/model/definition.ts'
import { AfterwordError } from '../../../src/model/errors.ts'
import { giveUp, retryAfter } from '../../../src/model/thrown-outcome.ts'

/** Which thread of which process this is. */
export const here = (): string => `${process.pid}/${threadId}`

class Refusal extends TypeError {
  override readonly name = 'Refusal'
  readonly code = 'E_REFUSED'
}

function hog(): void {
  const hoard: object[] = []
  for (;;) hoard.push(Array.from({ length: 1_000 }, (_, i) => ({ i })))
}

let late = (): void => undefined

function isolatedTasks<const Kind extends string>(kind: Kind, how: { thread?: true; isolate?: 'process' }) {
  // Where it runs.
  const where = defineTask({ name: `${kind}-where`, ...how, run: () => ({ isMainThread, threadId, pid: process.pid }) })

  // Gives its input back, twice.
  const twice = defineTask({
    name: `${kind}-twice`,
    ...how,
    run: (input: { at: Date; counts: Map<string, bigint> }) => ({ first: input, second: input }),
  })

  // Its schema makes something that no store could hold.
  const transformed = defineTask({
    name: `${kind}-transformed`,
    ...how,
    input: z.object({ text: z.string() }).transform(({ text }) => ({ shout: () => text.toUpperCase() })),
    run: ({ shout }) => shout(),
  })

  // Everything that its context has.
  const describes = defineTask({
    name: `${kind}-describes`,
    ...how,
    retry: { attempts: 2, base: 1, cap: 1 },
    run(_: undefined, context: TaskContext) {
      if (context.attempt === 1) throw new Error('once more')
      const { id, name, attempt, crashes, addedAt, requestId, carried, idempotencyKey } = context
      return { id, name, attempt, crashes, addedAt, requestId, carried, idempotencyKey }
    },
  })

  // Speaks while it runs.
  const speaks = defineTask({
    name: `${kind}-speaks`,
    ...how,
    async run(_: undefined, { log, progress }: TaskContext) {
      log.info({ size: 3, callback: () => 1, err: new AfterwordError('STORE_CLOSED', { file: 'x' }) }, 'half of it')
      progress({ percent: 50, at: new Date(0) })
      return new Promise<string>((resolve) => setImmediate(() => resolve('done')))
    },
  })

  // Ends when its signal aborts, and tells why.
  const heeds = defineTask({
    name: `${kind}-heeds`,
    ...how,
    retry: { attempts: 1 },
    run: (_: undefined, { signal, progress }: TaskContext) =>
      new Promise<string>((resolve) => {
        signal.addEventListener('abort', () => {
          const reason = signal.reason as AbortReason
          resolve(`${reason.name} ${reason.kind}: ${reason.message}`)
        })
        progress('listening')
      }),
  })

  // Never ends, and hears nothing.
  const spins = defineTask({
    name: `${kind}-spins`,
    ...how,
    retry: { attempts: 1 },
    run(_: undefined, { progress }: TaskContext) {
      progress(here())
      for (;;);
    },
  })

  // Holds its thread for that many milliseconds.
  const burns = defineTask({
    name: `${kind}-burns`,
    ...how,
    run(ms: number) {
      const endMs = performance.now() + ms
      while (performance.now() < endMs);
      return here()
    },
  })

  // Throws what it is told to.
  const throws = defineTask({
    name: `${kind}-throws`,
    ...how,
    retry: { attempts: 2, base: '1h', cap: '1h' },
    run(what: 'error' | 'text' | 'giveUp' | 'retryAfter' | 'free') {
      if (what === 'error') throw new Refusal('no', { cause: new RangeError('too many') })
      // oxlint-disable-next-line typescript/only-throw-error -- Anything may be thrown.
      if (what === 'text') throw 'just text'
      if (what === 'giveUp') throw giveUp('closed', { cause: new Error('why') })
      throw retryAfter('2h', { costsAttempt: what === 'retryAfter' })
    },
  })

  // Returns what no store can hold.
  const unstorable = defineTask({ name: `${kind}-unstorable`, ...how, run: () => ({ callback: () => 1 }) })

  // Reports something that no store can hold, and tells the code of the error.
  const unreportable = defineTask({
    name: `${kind}-unreportable`,
    ...how,
    run(_: undefined, { progress }: TaskContext) {
      try {
        progress(Symbol('x'))
      } catch (error) {
        return (error as AfterwordError).code
      }
      return undefined
    },
  })

  // Its first attempt ends its thread in that way; the second tells its thread.
  const dies = defineTask({
    name: `${kind}-dies`,
    ...how,
    retry: { attempts: 2, base: 1, cap: 1 },
    async run(how: 'exit' | 'throw' | 'reject' | 'hog', { attempt }: TaskContext) {
      if (attempt > 1) return here()
      if (how === 'exit') process.exit(3)
      if (how === 'throw') {
        setImmediate(() => {
          throw Object.assign(new Error('outside'), { code: 'E_OUTSIDE' })
        })
      } else if (how === 'reject') void Promise.reject(new Error('nobody listens'))
      else hog()
      return new Promise<string>(() => undefined)
    },
  })

  // Leaves something behind that speaks when the next one runs.
  const leaves = defineTask({
    name: `${kind}-leaves`,
    ...how,
    run(_: undefined, { progress }: TaskContext) {
      late = () => progress('a ghost')
      return here()
    },
  })

  // Lets what `leaves` left behind speak.
  const follows = defineTask({
    name: `${kind}-follows`,
    ...how,
    run(_: undefined, { progress }: TaskContext) {
      progress('mine')
      late()
      return here()
    },
  })

  // Not exported by its module: found by its name alone.
  const hidden = defineTask({ name: `${kind}-hidden`, ...how, run: () => here() })

  return {
    kind,
    where,
    twice,
    transformed,
    describes,
    speaks,
    heeds,
    spins,
    burns,
    throws,
    unstorable,
    unreportable,
    dies,
    leaves,
    follows,
    hidden,
  }
}

/** In threads. */
export const inThread = isolatedTasks('thread', { thread: true })

/** In child processes. */
export const inProcess = isolatedTasks('process', { isolate: 'process' })
