import type { Background, TaskState, TaskView } from 'afterword'
/** What the compiler says about looking at tasks and workers, in a user's code. Compiled only, never run. */

declare const background: Background

/** Compiles only when both types are the same, `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(verdict: Same<A, B>): void

const states: readonly TaskState[] = ['ready', 'failed']
const page = await background.list({ state: states, queue: 'mail' }, { limit: 10 })
same<typeof page.tasks, readonly TaskView[]>(true)
await background.list()
await background.list({ state: 'scheduled' }, { before: page.next })
// @ts-expect-error -- there is no such state.
await background.list({ state: 'done' })
// @ts-expect-error -- there is no such filter.
await background.list({ status: 'ready' })
// @ts-expect-error -- a page is asked for in the second place.
await background.list({ limit: 10 })

const [worker] = await background.workers()
same<typeof worker.since, Date>(true)
