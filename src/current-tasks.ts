import type { BackgroundTasks } from './background-tasks.ts'
import { currentScope } from './http/current.ts'
import { AfterwordError } from './model/errors.ts'

/**
 * The task list of the response that is being handled, for code below a handler: all who add in one request share it.
 *
 * @throws NO_RESPONSE outside of a request that an adapter looks after.
 */
export function currentTasks(): BackgroundTasks {
  const scope = currentScope()
  if (scope === undefined) throw new AfterwordError('NO_RESPONSE', {})
  return scope.tasks as BackgroundTasks
}
