import assert from 'node:assert/strict'
import { systemClock } from '../../ports/system.ts'

/** Gives what `work` comes to; fails when that takes longer than so many milliseconds: a bound of what hangs, no expectation. */
export async function bounded<T>(ms: number, what: string, work: Promise<T> | T): Promise<T> {
  const { promise: hangs, reject } = Promise.withResolvers<never>()
  const fail = (): void => reject(new assert.AssertionError({ message: `${what} has not come after ${ms} ms` }))
  const timer = systemClock.after(ms, fail, true)
  try {
    return await Promise.race([work, hangs])
  } finally {
    timer.cancel()
  }
}

/** Resolves once that is so: for what nobody tells of, such as the count of a pool. */
export async function until(ms: number, what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const state = { given: true }
  const look = async (): Promise<void> => {
    while (state.given && !(await isSo())) await new Promise<void>((resolve) => systemClock.after(1, resolve, true))
  }
  try {
    await bounded(ms, what, look())
  } finally {
    state.given = false
  }
}
