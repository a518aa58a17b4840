import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Context, MiddlewareHandler } from 'hono'
import type { Background, BackgroundTasks, ResponseScope } from '../index.ts'
import { bodyOf, isAnswerable } from './refusal.ts'
import { tasksOnDemand } from './tasks-on-demand.ts'

/** What the middleware adds to the environment of an application: `new Hono<TasksEnv>()`. */
export interface TasksEnv {
  Variables: {
    /** The background tasks of this request's response. */
    tasks: BackgroundTasks
  }
}

/**
 * Middleware that gives every request `c.var.tasks`: what is added there is stored before the head of the answer leaves
 * and runs when the answer is out. Use it before the routes.
 *
 * ```ts
 * const app = new Hono<TasksEnv>()
 * app.use(honoTasks(background))
 * ```
 *
 * With `@hono/node-server` the gate of the node response does the work. Elsewhere, as with `app.request()` in tests, the
 * tasks are stored before the middleware returns and may start then: nothing tells when such an answer is out.
 *
 * An Afterword error that asks for 503 leaves as 503, unless `app.onError` answers it with anything but 500.
 */
export function honoTasks(background: Background): MiddlewareHandler<TasksEnv> {
  return async (c, next) => {
    const outgoing = outgoingOf(c.env)
    const scope = background.attach(outgoing, { id: requestIdOf(c), method: c.req.method, url: c.req.path })
    c.set('tasks', tasksOnDemand(scope))
    await scope.run(next)
    if (isAnswerable(c.error) && c.res.status === 500) refuse(c, c.error)
    if (outgoing === undefined) await settle(c, scope)
    else if (outgoing.destroyed) void scope.settle(c.res.status)?.catch(() => undefined)
  }
}

/** Where no node response is: this middleware is the gate. */
async function settle(c: Context, scope: ResponseScope): Promise<void> {
  try {
    await scope.settle(c.res.status)
  } catch (error) {
    if (!isAnswerable(error)) throw error
    // Cleared first, or the headers of the answer that is not given would stay.
    c.res = undefined
    refuse(c, error)
  } finally {
    scope.close()
  }
}

function refuse(c: Context, error: Parameters<typeof bodyOf>[0]): void {
  c.res = Response.json(bodyOf(error), { status: error.statusCode, headers: error.headers ?? {} })
}

/** The response of node:http that `@hono/node-server` puts beside the request. */
function outgoingOf(env: unknown): ServerResponse | Http2ServerResponse | undefined {
  return (env as { outgoing?: ServerResponse | Http2ServerResponse } | undefined)?.outgoing
}

/** What Hono's own request-id middleware sets. */
function requestIdOf(c: Context): string | undefined {
  return c.get('requestId') as string | undefined
}
