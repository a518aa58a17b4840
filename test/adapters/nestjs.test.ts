/** Decorators are called as functions: Node runs these tests as they are, and decorators are not erasable. */
import 'reflect-metadata'
import { Readable } from 'node:stream'
import {
  All,
  type ArgumentsHost,
  type CanActivate,
  Catch,
  Controller,
  type ExecutionContext,
  type INestApplication,
  Module,
  Req,
  Res,
  StreamableFile,
} from '@nestjs/common'
import { BaseExceptionFilter, HttpAdapterHost, NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { AfterwordModule, Tasks } from '../../src/adapters/nestjs.ts'
import type { BackgroundTasks } from '../../src/background-tasks.ts'
import { currentTasks } from '../../src/current-tasks.ts'
import { portOf } from '../http/wire.ts'
import { adapterConformance } from './conformance.ts'
import { type Call, HandlerError, type Serve, type TestApp } from './world.ts'

interface Request {
  readonly url: string
}
interface Answer {
  readonly raw?: Call['response']
  status(code: number): this
  header(name: string, value: string): this
}

/** A module with one controller that answers every path. */
function moduleOf({ background, handle }: TestApp): new () => object {
  class Everything {
    async answer(request: Request, answer: Answer, tasks: BackgroundTasks): Promise<unknown> {
      const response = answer.raw ?? (answer as unknown as Call['response'])
      const { status = 200, headers = {}, body, stream } = await handle({ path: request.url, tasks, response })
      answer.status(status)
      for (const [name, value] of Object.entries(headers)) answer.header(name, value)
      return stream === undefined ? body : new StreamableFile(Readable.from(stream, { objectMode: false }))
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Everything.prototype, 'answer') as PropertyDescriptor
  All(['', ':path'])(Everything.prototype, 'answer', descriptor)
  Req()(Everything.prototype, 'answer', 0)
  Res({ passthrough: true })(Everything.prototype, 'answer', 1)
  Tasks()(Everything.prototype, 'answer', 2)
  Controller()(Everything)

  // oxlint-disable-next-line typescript/no-extraneous-class -- what Nest calls a module.
  class App {}
  Module({ imports: [AfterwordModule.forRoot({ background })], controllers: [Everything] })(App)
  return App
}

/** The suite's middleware is a guard, as an application would check who asks. */
class Before implements CanActivate {
  readonly #before: TestApp['before']

  constructor(before: TestApp['before']) {
    this.#before = before
  }

  canActivate(context: ExecutionContext): boolean {
    const { url } = context.switchToHttp().getRequest<Request>()
    const answer = context.switchToHttp().getResponse<Answer>()
    this.#before({ path: url, tasks: currentTasks(), response: answer.raw ?? (answer as unknown as Call['response']) })
    return true
  }
}

class ErrorHandler extends BaseExceptionFilter {
  readonly #onError: TestApp['onError']

  constructor(app: INestApplication, onError: TestApp['onError']) {
    super(app.get(HttpAdapterHost).httpAdapter)
    this.#onError = onError
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    // oxlint-disable-next-line promise/valid-params -- not a promise's.
    if (!this.#onError(error)) super.catch(error, host)
  }
}
Catch(HandlerError)(ErrorHandler)

function serveNest(adapter: () => ExpressAdapter | FastifyAdapter): Serve {
  return async (test) => {
    const app = await NestFactory.create(moduleOf(test), adapter() as ExpressAdapter, {
      logger: false,
      abortOnError: false,
    })
    app.useGlobalGuards(new Before(test.before))
    app.useGlobalFilters(new ErrorHandler(app, test.onError))
    await app.listen(0, '127.0.0.1')
    return { port: portOf(app.getHttpServer() as Parameters<typeof portOf>[0]), close: () => app.close() }
  }
}

adapterConformance(
  'NestJS on Express',
  serveNest(() => new ExpressAdapter()),
)
adapterConformance(
  'NestJS on Fastify',
  serveNest(() => new FastifyAdapter()),
)
