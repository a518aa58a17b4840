import type { AnyTaskDefinition } from './definition.ts'

/*
 * An isolate, a thread or a child process for tasks, imports the module of a task for its definitions. What tells the library
 * that it stands in one is kept under a registered symbol: a task module that was bundled brings its own copy of the library.
 */

const KEY = Symbol.for('afterword.isolate')

/** What an isolate notes while it imports modules. */
interface Notes {
  readonly definitions: AnyTaskDefinition[]
  /** What a background was refused with that wanted to start here. */
  refusal: Error | undefined
}

const notes = (): Notes | undefined => (globalThis as { [KEY]?: Notes })[KEY]

/** From here on this thread or process takes notes, and gives them to its caller, the entry of an isolate. */
export function becomeIsolate(): Notes {
  return ((globalThis as { [KEY]?: Notes })[KEY] ??= { definitions: [], refusal: undefined })
}

/** Keeps a definition that is isolated for the isolate that looks for it; does nothing elsewhere. */
export function noteDefinition(definition: AnyTaskDefinition): void {
  notes()?.definitions.push(definition)
}

/** In an isolate: throws the refusal of a background that wants to start, and notes it, for its caller may swallow it. */
export function refuseInIsolate(refusal: () => Error): void {
  const here = notes()
  if (here === undefined) return
  here.refusal = refusal()
  throw here.refusal
}
