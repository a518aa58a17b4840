import type { AnyTaskDefinition } from './definition.ts'

/*
 * A task thread imports the module of a task for its definitions. What tells the library that it stands in such a
 * thread is kept under a registered symbol: a task module that was bundled brings its own copy of the library.
 */

const KEY = Symbol.for('afterword.task-thread')

type Global = { [KEY]?: AnyTaskDefinition[] }

/** From here on this thread notes the definitions that are made in it. Called once, by the entry of a task thread. */
export function becomeTaskThread(): void {
  const scope = globalThis as Global
  scope[KEY] ??= []
}

/** True in a thread that was started to run tasks. */
export function isTaskThread(): boolean {
  return (globalThis as Global)[KEY] !== undefined
}

/** Keeps a definition for the thread that looks for it; does nothing elsewhere. */
export function noteDefinition(definition: AnyTaskDefinition): void {
  ;(globalThis as Global)[KEY]?.push(definition)
}

/** What was defined in this task thread with `thread: true`. */
export function notedDefinitions(): readonly AnyTaskDefinition[] {
  return (globalThis as Global)[KEY] ?? []
}
