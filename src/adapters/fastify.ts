import type {
  FastifyInstance,
  FastifyPluginCallback,
  FastifyReply,
  FastifyRequest,
  onSendHookHandler,
  RouteOptions,
} from 'fastify'
import { AfterwordError, type Background, type BackgroundTasks, healthAnswer, type ResponseScope } from '../index.ts'

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
  /** True: the application answers at `/healthz` and `/readyz`. By default false. */
  readonly health?: boolean | undefined
}

const SCOPE = Symbol('afterword.scope')

/** Without decorators: Fastify gives each request the value of each of them, one by one. */
type Scoped = FastifyRequest & { [SCOPE]?: ResponseScope }

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
  ((app, { background, health = false }, loaded) => {
    background.attachServer(app.server)
    app.decorateRequest('tasks', {
      getter(this: FastifyRequest) {
        const scope = (this as Scoped)[SCOPE]
        if (scope === undefined) throw new AfterwordError('NO_RESPONSE', {})
        return scope.tasks
      },
    })
    app.addHook('onRequest', (request: Scoped, reply, done) => {
      const scope = background.attach(reply.raw, request)
      request[SCOPE] = scope
      scope.enter()
      // The end of a body arrives in the connection's context, not in the request's: this listener comes before Fastify's own.
      const { raw } = request
      if (raw.method !== 'GET' && raw.method !== 'HEAD') raw.once('end', () => scope.enter())
      done()
    })
    app.addHook('onRoute', (route) => addLast(route, settleBeforeHead))
    if (health) addHealthRoutes(app, background)
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

function addHealthRoutes(app: FastifyInstance, background: Background): void {
  for (const path of ['/healthz', '/readyz'] as const) {
    app.get(path, async (_, reply) => {
      const { status, headers, body } = await healthAnswer(background, path)
      return reply.code(status).headers(headers).send(body)
    })
  }
}

/**
 * Stores the tasks before Fastify writes the head, so that a store that fails becomes an error like any other: formatted
 * by the application's error handler, logged, and seen by `app.inject()`. The gate below would answer it by itself.
 *
 * It settles by a status that has not left, so it only does where nothing can change that status any more; the gate has
 * all the rest. While the tasks are being stored Fastify believes that nothing was sent. An async handler that calls `reply.send()`
 * without returning it makes Fastify send once more by then: the first one counts, as it does without this hook.
 */
const settleBeforeHead: onSendHookHandler = (request: Scoped, reply, payload, done) => {
  const scope = request[SCOPE]
  if (scope?.used !== true) return done(null, payload)
  if (scope.sending) return
  const proceed = (error: Error | undefined): void => {
    scope.sending = false
    // Somebody may have answered over `reply.raw` meanwhile.
    if (reply.raw.headersSent) return
    if (error === undefined) done(null, payload)
    else done(error)
  }
  if (isWhole(payload) && isSound(reply) && scope.settleThen(reply.statusCode, proceed)) scope.sending = true
  else done(null, payload)
}

/** A stream may still fail before its first byte, and then another status leaves: those are left to the gate. */
function isWhole(payload: unknown): boolean {
  return payload === null || payload === undefined || typeof payload === 'string' || Buffer.isBuffer(payload)
}

/** A header that Node refuses would make another answer of this one. */
function isSound(reply: FastifyReply): boolean {
  const headers = headersOf(reply)
  for (const name in headers) {
    if (name !== 'content-type' && name !== 'content-length' && !TOKEN.test(name)) return false
    const value = headers[name]
    if (value === lastSound) continue
    const text = String(value)
    if (NOT_IN_VALUES.test(text)) return false
    lastSound = text
  }
  return true
}

/** Most answers of an application have the same type. */
let lastSound = ''

/** What Node has not looked at yet. */
function headersOf(reply: FastifyReply): Record<string, unknown> {
  replyHeaders ??= Object.getOwnPropertySymbols(reply).find((key) => key.description === 'fastify.reply.headers')
  const own = replyHeaders === undefined ? undefined : (reply as unknown as Headered)[replyHeaders]
  return own ?? reply.getHeaders()
}

type Headered = Record<symbol, Record<string, unknown> | undefined>

/** Where Fastify keeps the headers of a reply. What it offers for it makes two copies of them, each a tenth of a task's price. */
let replyHeaders: symbol | undefined

/**
 * What Node takes as a header's name, and what it refuses in a value; its own functions for it throw, and cost more.
 *
 * @source RFC 9110, section 5.6.2 (tokens) and 5.5 (field values).
 */
const TOKEN = /^[\^`\-\w!#$%&'*+.|~]+$/
const NOT_IN_VALUES = /[^\t\x20-\x7e\x80-\xff]/

/** Puts a hook behind all others of a route: they may still add tasks or change the status. */
function addLast(route: RouteOptions, hook: onSendHookHandler): void {
  const hooks = [route.onSend ?? []].flat()
  if (!hooks.includes(hook)) route.onSend = [...hooks, hook]
}
