import type { FastifyPluginCallback, FastifyReply, FastifyRequest, onSendHookHandler, RouteOptions } from 'fastify'
import { AfterwordError, type Background, type BackgroundTasks, type ResponseScope } from '../index.ts'
import { headersOf, isAnswerable } from './refusal.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The background tasks of this request's response. */
    readonly tasks: BackgroundTasks
  }
}

/** What {@link fastifyTasks} takes. */
export interface FastifyTasksOptions {
  /** What `createBackground()` returned. It starts and stops with the application. */
  readonly background: Background
}

const SCOPE = Symbol('afterword.scope')

type Scoped = FastifyRequest & { [SCOPE]?: ResponseScope | null }

/**
 * Gives every request `request.tasks`: what is added there is stored before the head of the answer leaves and runs when
 * the answer is out. The background starts when the application is ready, so that a store which cannot be opened
 * fails the start, and stops after the server has closed.
 *
 * ```ts
 * await app.register(fastifyTasks, { background })
 * ```
 */
export const fastifyTasks: FastifyPluginCallback<FastifyTasksOptions> = Object.assign(
  ((app, { background }, loaded) => {
    app.decorateRequest(SCOPE, null)
    app.decorateRequest('tasks', {
      getter(this: FastifyRequest) {
        const scope = (this as Scoped)[SCOPE]
        if (!scope) throw new AfterwordError('NO_RESPONSE', {})
        return scope.tasks
      },
    })
    app.addHook('onRequest', (request: Scoped, reply, done) => {
      const scope = background.attach(reply.raw, request)
      request[SCOPE] = scope
      scope.run(done)
    })
    // The end of a body arrives in the connection's context, not in the request's.
    app.addHook('preValidation', (request: Scoped, _reply, done) => {
      if (request.body === undefined || !request[SCOPE]) done()
      else request[SCOPE].run(done)
    })
    const settle = settleBeforeHead(background)
    app.addHook('onRoute', (route) => addLast(route, settle))
    // Fastify takes the status from the error, but not this.
    app.addHook('onError', (_request, reply, error, done) => {
      if (isAnswerable(error)) reply.headers(headersOf(error))
      done()
    })
    app.addHook('onReady', async () => void (await background.start()))
    app.addHook('preClose', (done) => {
      background.drain()
      done()
    })
    app.addHook('onClose', async () => void (await background.stop()))
    loaded()
  }) satisfies FastifyPluginCallback<FastifyTasksOptions>,
  {
    // What fastify-plugin sets: hooks and decorators are for the whole application, not for this plugin.
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'afterword',
    [Symbol.for('plugin-meta')]: { name: 'afterword', fastify: '5.x' },
  },
)

/**
 * Stores the tasks before Fastify writes the head, so that a store that fails becomes an error like any other: formatted
 * by the application's error handler, logged, and seen by `app.inject()`. The gate below would answer it by itself.
 *
 * With a callback, not a promise: an async hook would let a second `reply.send()` pass while the first one waits.
 */
function settleBeforeHead(background: Background): onSendHookHandler {
  return (request: Scoped, reply, payload, done) => {
    if (background.draining) closeConnection(reply)
    const settled = isWhole(payload) ? request[SCOPE]?.settle(reply.statusCode) : undefined
    if (settled === undefined) done(null, payload)
    else {
      settled.then(
        () => done(null, payload),
        (error: unknown) => done(error as Error),
      )
    }
  }
}

/** A stream may still fail before its first byte, and then another status leaves: those are left to the gate. */
function isWhole(payload: unknown): boolean {
  return payload === null || payload === undefined || typeof payload === 'string' || Buffer.isBuffer(payload)
}

/** Puts a hook behind all others of a route: they may still add tasks or change the status. */
function addLast(route: RouteOptions, hook: onSendHookHandler): void {
  const hooks = [route.onSend ?? []].flat()
  if (!hooks.includes(hook)) route.onSend = [...hooks, hook]
}

/** A connection kept alive during `app.close()` would hold it for 72 seconds, Fastify's keep-alive time. */
function closeConnection(reply: FastifyReply): void {
  if (reply.request.raw.httpVersionMajor === 1) reply.header('connection', 'close')
}
