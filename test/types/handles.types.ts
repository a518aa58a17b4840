import { type Background, type BackgroundTasks, defineTask, type TaskHandle, type TaskReference } from 'afterword'
/** What the compiler knows of a result, from what `add` returned. Compiled only, never run. */

declare const background: Background
declare const tasks: BackgroundTasks

/** Compiles only when both types are the same, `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(verdict: Same<A, B>): void

const count = defineTask({
  name: 'count',
  run: async ({ text }: { text: string }) => ({ words: new Set(text.split(' ')), at: new Date() }),
})
interface Counted {
  words: Set<string>
  at: Date
}
const silent = defineTask({ name: 'silent', run: () => {} })

// ── Inside and outside of a request ───────────────────────────────────────────────────────────────────────────────────

const handle = tasks.add(count, { text: 'x' })
same<typeof handle, TaskHandle<Counted>>(true)
const added = await background.add(count, { text: 'x' })
same<typeof added, TaskReference<Counted>>(true)
const fromHandle = await background.result(handle)
same<typeof fromHandle, Counted>(true)
const fromAdded = await background.result(added, { timeout: '5s' })
same<typeof fromAdded, Counted>(true)
const nothing = await background.result(await background.add(silent))
same<typeof nothing, void>(true)
// @ts-expect-error -- there is no such part of the result.
fromAdded.letters.toString()

// ── By the id alone ───────────────────────────────────────────────────────────────────────────────────────────────────

const byDefinition = await background.result<typeof count>(added.id)
same<typeof byDefinition, Counted>(true)
await background.result('welcome:1', { timeout: 5 })
// @ts-expect-error -- a number is no task.
await background.result(7)
// @ts-expect-error -- a handle of one task is not a handle of another.
export const other: TaskHandle<string> = handle
// A list of handles of any tasks forgets the types.
const all: readonly TaskHandle[] = [handle, tasks.add(silent)]
const one = await background.result(all[0])
same<typeof one, unknown>(true)
