import { BackgroundTasks, type ResponseScope } from '../index.ts'

/**
 * The task list of a response for frameworks that want a value, not a getter: made when something of it is first used,
 * so that a request without tasks does not pay for it.
 */
export function tasksOnDemand(scope: ResponseScope): BackgroundTasks {
  return new Proxy(STAND, new OnDemand(scope))
}

const STAND = Object.create(BackgroundTasks.prototype) as BackgroundTasks

class OnDemand implements ProxyHandler<BackgroundTasks> {
  readonly #scope: ResponseScope

  constructor(scope: ResponseScope) {
    this.#scope = scope
  }

  get(_stand: BackgroundTasks, key: string | symbol): unknown {
    const { tasks } = this.#scope
    const value: unknown = Reflect.get(tasks, key, tasks)
    // Methods run on the list itself, whose fields are private.
    return typeof value === 'function' && key !== 'constructor'
      ? (value as (...args: unknown[]) => unknown).bind(tasks)
      : value
  }
}
