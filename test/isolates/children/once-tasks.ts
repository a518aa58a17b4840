/** Tasks that keep a value in a thread, and in a child process. */
import { appendFileSync } from 'node:fs'
import { defineTask } from '../../../src/define-task.ts'
import type { TaskContext } from '../../../src/model/definition.ts'

const codeOf = (error: unknown): unknown => (error as { readonly code: unknown }).code

function onceTasks(kind: string, how: { thread?: true; isolate?: 'process' }) {
  // Notes in a file that it has computed, and fails at first.
  const pays = defineTask({
    name: `${kind}-pays`,
    ...how,
    retry: { attempts: 2, base: 1, cap: 1 },
    async run({ file }: { file: string }, { once, attempt }: TaskContext) {
      const [charge, at] = await Promise.all([
        once('charge', () => {
          appendFileSync(file, 'charged\n')
          return { attempt }
        }),
        once('at', () => new Date(5)),
      ])
      if (attempt === 1) throw new Error('once more')
      return { charge, at }
    },
  })

  // What it gets where a value cannot be kept.
  const fails = defineTask({
    name: `${kind}-fails`,
    ...how,
    async run(_: undefined, { once }: TaskContext) {
      const codes = [
        once('', () => 1),
        once('unstorable', () => () => 1),
        once('throws', () => Promise.reject(Object.assign(new Error('no'), { code: 'E_NO' }))),
      ].map((value) => value.catch(codeOf))
      return Promise.all(codes)
    },
  })

  let left: TaskContext['once'] | undefined
  // Leaves its context behind, for the next attempt in the same isolate.
  const leaves = defineTask({
    name: `${kind}-leaves`,
    ...how,
    async run(_: undefined, { once }: TaskContext) {
      const before = left
      left = once
      return before?.('late', () => 'computed').catch(codeOf)
    },
  })

  // What it gets when it is told that its claim is lost.
  const lost = defineTask({
    name: `${kind}-lost`,
    ...how,
    run: (_: undefined, { once }: TaskContext) => once('charge', () => 1).catch(codeOf),
  })

  return { kind, pays, fails, leaves, lost }
}

export const inThread = onceTasks('thread', { thread: true })
export const inProcess = onceTasks('process', { isolate: 'process' })
