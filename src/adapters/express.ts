import { IncomingMessage, type ServerResponse } from 'node:http'
import { AfterwordError, type Background, type BackgroundTasks, type ResponseScope } from '../index.ts'

declare global {
  // The name is Express's: its request type is open to additions there and nowhere else.
  namespace Express {
    interface Request {
      /** The background tasks of this request's response. */
      readonly tasks: BackgroundTasks
    }
  }
}

const SCOPE = Symbol('afterword.scope')

interface Scoped extends IncomingMessage {
  id?: string | undefined
  [SCOPE]?: ResponseScope
}

/**
 * Middleware that gives every request `req.tasks`: what is added there is stored before the head of the answer leaves
 * and runs when the answer is out. Put it before the routes; its place among other middleware does not matter.
 * Works with Express 5 and 4, and with whatever else calls middleware as `(req, res, next)`.
 *
 * ```ts
 * app.use(expressTasks(background))
 * ```
 *
 * On shutdown close the server first, then `await background.stop()`.
 */
export function expressTasks(
  background: Background,
): (req: IncomingMessage, res: ServerResponse, next: () => void) => void {
  return (req: Scoped, res, next) => {
    const scope = background.attach(res, req)
    req[SCOPE] = scope
    if (!('tasks' in req)) defineTasks(req)
    scope.run(next)
  }
}

const property: PropertyDescriptor & ThisType<Scoped> = {
  configurable: true,
  get() {
    const scope = this[SCOPE]
    if (scope === undefined) throw new AfterwordError('NO_RESPONSE', {})
    return scope.tasks
  },
}

/** Once per application: Express gives its requests a prototype of their own. Node's belongs to everybody else too. */
function defineTasks(req: IncomingMessage): void {
  const prototype = Object.getPrototypeOf(req) as object
  Object.defineProperty(prototype === IncomingMessage.prototype ? req : prototype, 'tasks', property)
}
