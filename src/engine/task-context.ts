import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import type { AnyTaskDefinition } from '../model/definition.ts'

/** Tasks run in the context in which the library was loaded, never in a request's: what should travel, travels as data. */
const root = new AsyncResource('afterword')

const storage = new AsyncLocalStorage<AnyTaskDefinition>()

/**
 * The context in which all attempts of a definition run. Made once for each, so that an attempt that blocks the event loop can be
 * named at any moment and no attempt pays for it.
 */
export function taskContext(definition: AnyTaskDefinition): AsyncResource {
  return root.runInAsyncScope(() => storage.run(definition, () => new AsyncResource('afterword-task')))
}

/** Whose attempt is running right now. */
export function runningDefinition(): AnyTaskDefinition | undefined {
  return storage.getStore()
}
