/** Tasks that run in threads. The module starts nothing, so that a thread may import it. */
import { isMainThread, threadId } from 'node:worker_threads'
import { z } from 'zod'
import { defineTask } from '../../../src/define-task.ts'
import type { AbortReason, TaskContext } from '../../../src/model/definition.ts'
import { AfterwordError } from '../../../src/model/errors.ts'
import { giveUp, retryAfter } from '../../../src/model/thrown-outcome.ts'

/** Where it runs. */
export const where = defineTask({ name: 'where', thread: true, run: () => ({ isMainThread, threadId }) })

/** Gives its input back, twice. */
export const twice = defineTask({
  name: 'twice',
  thread: true,
  run: (input: { at: Date; counts: Map<string, bigint> }) => ({ first: input, second: input }),
})

/** Its schema makes something that no store could hold. */
export const transformed = defineTask({
  name: 'transformed',
  thread: true,
  input: z.object({ text: z.string() }).transform(({ text }) => ({ shout: () => text.toUpperCase() })),
  run: ({ shout }) => shout(),
})

/** Everything that its context has. */
export const describes = defineTask({
  name: 'describes',
  thread: true,
  retry: { attempts: 2, base: 1, cap: 1 },
  run(_: undefined, context: TaskContext) {
    if (context.attempt === 1) throw new Error('once more')
    const { id, name, attempt, crashes, addedAt, requestId, carried, idempotencyKey } = context
    return { id, name, attempt, crashes, addedAt, requestId, carried, idempotencyKey }
  },
})

/** Speaks while it runs. */
export const speaks = defineTask({
  name: 'speaks',
  thread: true,
  async run(_: undefined, { log, progress }: TaskContext) {
    log.info({ size: 3, callback: () => 1, err: new AfterwordError('STORE_CLOSED', { file: 'x' }) }, 'half of it')
    progress({ percent: 50, at: new Date(0) })
    return new Promise<string>((resolve) => setImmediate(() => resolve('done')))
  },
})

/** Ends when its signal aborts, and tells why. */
export const heeds = defineTask({
  name: 'heeds-in-thread',
  thread: true,
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

/** Never ends, and hears nothing. */
export const spins = defineTask({
  name: 'spins',
  thread: true,
  retry: { attempts: 1 },
  run(_: undefined, { progress }: TaskContext) {
    progress(threadId)
    for (;;);
  },
})

/** Holds its thread for that many milliseconds. */
export const burns = defineTask({
  name: 'burns',
  thread: true,
  run(ms: number) {
    const endMs = performance.now() + ms
    while (performance.now() < endMs);
    return threadId
  },
})

class Refusal extends TypeError {
  override readonly name = 'Refusal'
  readonly code = 'E_REFUSED'
}

/** Throws what it is told to. */
export const throws = defineTask({
  name: 'throws',
  thread: true,
  retry: { attempts: 2, base: '1h', cap: '1h' },
  run(what: 'error' | 'text' | 'giveUp' | 'retryAfter' | 'free') {
    if (what === 'error') throw new Refusal('no', { cause: new RangeError('too many') })
    // oxlint-disable-next-line typescript/only-throw-error -- Anything may be thrown.
    if (what === 'text') throw 'just text'
    if (what === 'giveUp') throw giveUp('closed', { cause: new Error('why') })
    throw retryAfter('2h', { costsAttempt: what === 'retryAfter' })
  },
})

/** Returns what no store can hold. */
export const unstorable = defineTask({ name: 'unstorable', thread: true, run: () => ({ callback: () => 1 }) })

/** Reports something that no store can hold, and tells the code of the error. */
export const unreportable = defineTask({
  name: 'unreportable',
  thread: true,
  run(_: undefined, { progress }: TaskContext) {
    try {
      progress(Symbol('x'))
    } catch (error) {
      return (error as AfterwordError).code
    }
    return undefined
  },
})

/** Its first attempt ends its thread in that way; the second tells its thread. */
export const dies = defineTask({
  name: 'dies-in-thread',
  thread: true,
  retry: { attempts: 2, base: 1, cap: 1 },
  async run(how: 'exit' | 'throw' | 'reject' | 'hog', { attempt }: TaskContext) {
    if (attempt > 1) return threadId
    if (how === 'exit') process.exit(3)
    if (how === 'throw') {
      setImmediate(() => {
        throw Object.assign(new Error('outside'), { code: 'E_OUTSIDE' })
      })
    } else if (how === 'reject') void Promise.reject(new Error('nobody listens'))
    else hog()
    return new Promise<number>(() => undefined)
  },
})

function hog(): void {
  const hoard: object[] = []
  for (;;) hoard.push(Array.from({ length: 1_000 }, (_, i) => ({ i })))
}

/** Leaves something behind that speaks when the next one runs. */
export const leaves = defineTask({
  name: 'leaves',
  thread: true,
  run(_: undefined, { progress }: TaskContext) {
    late = () => progress('a ghost')
    return threadId
  },
})

let late = (): void => undefined

/** Lets what `leaves` left behind speak. */
export const follows = defineTask({
  name: 'follows',
  thread: true,
  run(_: undefined, { progress }: TaskContext) {
    progress('mine')
    late()
    return threadId
  },
})

/** Not exported by its module: found by its name alone. */
const hidden = defineTask({ name: 'hidden', thread: true, run: () => isMainThread })

/** The only way to the hidden one. */
export const hiddenOne = (): typeof hidden => hidden
