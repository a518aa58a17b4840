import type Koa from 'koa'
import { AfterwordError, type Background, type BackgroundTasks, type ResponseScope } from '../index.ts'

declare module 'koa' {
  interface ExtendableContext {
    /** The background tasks of this request's response. */
    readonly tasks: BackgroundTasks
  }
}

const SCOPE = Symbol('afterword.scope')

type Scoped = Koa.Context & { [SCOPE]?: ResponseScope }

/**
 * Middleware that gives every request `ctx.tasks`: what is added there is stored before the head of the answer leaves
 * and runs when the answer is out. Use it before the routes.
 *
 * ```ts
 * app.use(koaTasks(background))
 * ```
 *
 * On shutdown close the server first, then `await background.stop()`.
 */
export function koaTasks(background: Background): Koa.Middleware {
  return (ctx: Scoped, next) => {
    const scope = background.attach(ctx.res, ctx.req)
    ctx[SCOPE] = scope
    if (!('tasks' in ctx)) Object.defineProperty(Object.getPrototypeOf(ctx), 'tasks', property)
    // Koa sends the answer, and with it a stream, when its middleware is over: that too is code of this request.
    scope.enter()
    return next().catch((error: unknown) => {
      // Koa answers an error of a client that has gone away with nothing: its tasks would pass for a success.
      if (ctx.res.destroyed) void scope.settle(500)?.catch(() => undefined)
      throw error
    })
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
