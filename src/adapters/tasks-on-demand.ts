import { BackgroundTasks, type ResponseScope } from '../index.ts'

const scopes = new WeakMap<object, ResponseScope>()

/**
 * The task list of a response for frameworks that want a value, not a getter: made when something of it is first used,
 * so that a request without tasks does not pay for it.
 */
export function tasksOnDemand(scope: ResponseScope): BackgroundTasks {
  const stand = Object.create(BackgroundTasks.prototype) as BackgroundTasks
  scopes.set(stand, scope)
  return new Proxy(stand, HANDLER)
}

/** Methods run on the list itself, whose fields are private. */
const HANDLER: ProxyHandler<BackgroundTasks> = {
  get(stand, key) {
    const tasks = (scopes.get(stand) as ResponseScope).tasks
    const value: unknown = Reflect.get(tasks, key, tasks)
    return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(tasks) : value
  },
}
