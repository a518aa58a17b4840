import { defineTask } from '../../src/define-task.ts'

/** What every task of the lane takes: its number, and bytes that only that number has. */
export interface Numbered {
  readonly n: number
  readonly body: string
}

const BODY_BYTES_MAX = 6_000

/** The input of task n: from a few bytes to more than a page of the database. */
export function inputOf(n: number): Numbered {
  const unit = `${n}.`
  const bytes = (n * 7919) % BODY_BYTES_MAX
  return { n, body: unit.repeat(Math.ceil(bytes / unit.length)) }
}

/** The definitions, which tell `ran` of each call. */
export function definitions(ran: (n: number) => void) {
  const plain = defineTask({
    name: 'plain',
    run: ({ n, body }: Numbered) => {
      ran(n)
      return { n, length: body.length }
    },
  })
  const failsOnce = defineTask({
    name: 'fails-once',
    retry: { attempts: 3, base: 1, cap: 1 },
    run: ({ n }: Numbered, { attempt, progress }) => {
      ran(n)
      progress({ attempt })
      if (attempt === 1) throw new Error(`attempt ${attempt} of task ${n}`)
    },
  })
  const givesUp = defineTask({
    name: 'gives-up',
    retry: { attempts: 1 },
    run: ({ n }: Numbered) => {
      ran(n)
      throw new Error(`task ${n} never succeeds`)
    },
  })
  const lasts = defineTask({
    name: 'lasts',
    queue: 'slow',
    run: async ({ n }: Numbered, { signal }) => {
      ran(n)
      for (let turn = 0; turn < 20 && !signal.aborted; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
  })
  return { plain, failsOnce, givesUp, lasts }
}
