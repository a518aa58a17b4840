import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Http2SecureServer, Http2Server, Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Background, BackgroundTasks } from '../index.ts'
import { bodyOf, isAnswerable } from './refusal.ts'
import { tasksOnDemand } from './tasks-on-demand.ts'

/** A request and a response of `node:http`, `node:https` or `node:http2`. */
type NodeRequest = IncomingMessage | Http2ServerRequest
type NodeResponse = ServerResponse | Http2ServerResponse

/**
 * Wraps a handler of `http.createServer` or `http2.createServer`: its third argument is the task list of the response.
 * What is added there is stored before the head of the answer leaves and runs when the answer is out.
 *
 * ```ts
 * http.createServer(nodeTasks(background, (req, res, tasks) => {
 *   tasks.add(sendWelcome, { userId: '42' })
 *   res.writeHead(201).end()
 * }))
 * ```
 *
 * What the handler throws, or rejects with, is answered with 500, or with 503 and Retry-After when there is no room for a
 * task, and becomes a process warning; bare Node would end the process.
 */
export function nodeTasks<
  Request extends NodeRequest = IncomingMessage,
  Response extends NodeResponse = ServerResponse,
>(
  background: Background,
  handler: (req: Request, res: Response, tasks: BackgroundTasks) => unknown,
): (req: Request, res: Response) => void {
  // A handler that declares two parameters does not look at a third.
  const wantsTasks = handler.length !== 1 && handler.length !== 2
  return (req, res) => {
    const scope = background.attach(res, req)
    const tasks = wantsTasks ? tasksOnDemand(scope) : (undefined as never)
    try {
      const answered = scope.run(() => handler(req, res, tasks))
      if (answered instanceof Promise) answered.catch((error: unknown) => answerError(res, error))
    } catch (error) {
      answerError(res, error)
    }
  }
}

/**
 * Looks after every request of a server whose handler is not ours to wrap, such as a framework that brings its own:
 * `currentTasks()` gives the task list of the response to all code below it.
 *
 * @returns a function that ends it.
 */
export function attachTasks(server: Server | Http2Server | Http2SecureServer, background: Background): () => void {
  background.attachServer(server)
  const emit = server.emit.bind(server)
  const attached = (event: string, ...args: unknown[]): boolean => {
    if (event !== 'request' && event !== 'checkContinue') return emit(event, ...args)
    const [req, res] = args as [{ id?: string }, NodeResponse]
    return background.attach(res, req).run(() => emit(event, ...args))
  }
  server.emit = attached as typeof server.emit
  return () => {
    if (server.emit === attached) delete (server as Partial<Server>).emit
  }
}

function answerError(res: NodeResponse, error: unknown): void {
  if (!isAnswerable(error)) process.emitWarning(error instanceof Error ? error : new Error(String(error)))
  if (res.writableEnded) return
  if (res.headersSent) return void res.destroy()
  const response = res as ServerResponse
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  if (isAnswerable(error)) {
    response.writeHead(error.statusCode, { 'content-type': 'application/json', ...error.headers })
    response.end(JSON.stringify(bodyOf(error)))
  } else response.writeHead(500, { 'content-type': 'text/plain' }).end('Internal Server Error')
}
