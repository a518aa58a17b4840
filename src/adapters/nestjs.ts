import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import {
  type ArgumentsHost,
  Catch,
  createParamDecorator,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  Inject,
  Logger,
  type MiddlewareConsumer,
  Module,
} from '@nestjs/common'
import { AfterwordError, Background, type BackgroundTasks, type ResponseScope } from '../index.ts'
import { bodyOf, isAnswerable } from './refusal.ts'
import { tasksOnDemand } from './tasks-on-demand.ts'

/** What {@link AfterwordModule.forRoot} takes. */
export interface AfterwordModuleOptions {
  /** What `createBackground()` returned. It starts and stops with the application. */
  readonly background: Background
}

const SCOPE = Symbol('afterword.scope')

interface Scoped extends IncomingMessage {
  id?: string | undefined
  [SCOPE]?: ResponseScope
}

/** What the responses of Express and the replies of Fastify have in common. */
interface Answer {
  status(code: number): this
  header(name: string, value: string): this
  send(body: unknown): unknown
}

/**
 * The task list of the response that a handler answers: what is added there is stored before the head of the answer
 * leaves and runs when the answer is out.
 *
 * ```ts
 * @Post('signup')
 * signup(@Body() user: NewUser, @Tasks() tasks: BackgroundTasks) {
 *   tasks.add(sendWelcome, { userId: user.id })
 * }
 * ```
 */
export const Tasks: () => ParameterDecorator = createParamDecorator(
  (_: undefined, context: ExecutionContext): BackgroundTasks => {
    const request = context.switchToHttp().getRequest<Scoped & { raw?: Scoped }>()
    const scope = (request.raw ?? request)[SCOPE]
    if (scope === undefined) throw new AfterwordError('NO_RESPONSE', {})
    return tasksOnDemand(scope)
  },
)

/** Answers overload with 503 and Retry-After, which Nest's own filter would answer with 500. */
class OverloadFilter implements ExceptionFilter<AfterwordError> {
  readonly #logger = new Logger('ExceptionsHandler')

  catch(error: AfterwordError, host: ArgumentsHost): void {
    // Only HTTP has statuses; other transports make of it what they make of errors.
    if (host.getType() !== 'http') throw error
    const response = host.switchToHttp().getResponse<Answer>()
    if (!isAnswerable(error)) {
      this.#logger.error(error)
      response.status(500).send({ statusCode: 500, message: 'Internal server error' })
      return
    }
    for (const [name, value] of Object.entries(error.headers ?? {})) response.header(name, value)
    response.status(error.statusCode).send(bodyOf(error))
  }
}
Catch(AfterwordError)(OverloadFilter)

/**
 * Looks after every request of a Nest application, on Express and on Fastify: `@Tasks()` in handlers, `currentTasks()` in
 * providers, and the `Background` itself for injection. The background starts with the application, so that a store
 * which cannot be opened fails the start, and stops after its server has closed: by `app.close()`, and by signals
 * after `app.enableShutdownHooks()`.
 *
 * ```ts
 * @Module({ imports: [AfterwordModule.forRoot({ background })] })
 * class AppModule {}
 * ```
 */
export class AfterwordModule {
  readonly #background: Background

  constructor(background: Background) {
    this.#background = background
  }

  /** The module to import once, in the root module. */
  static forRoot({ background }: AfterwordModuleOptions): DynamicModule {
    return {
      module: AfterwordModule,
      global: true,
      providers: [
        { provide: Background, useValue: background },
        // Nest's own token for filters of the whole application; @nestjs/core need not be loaded for a string.
        { provide: 'APP_FILTER', useClass: OverloadFilter },
      ],
      exports: [Background],
    }
  }

  /** Called by Nest. */
  configure(consumer: MiddlewareConsumer): void {
    const background = this.#background
    // Not in Nest's type of it, but a public method of the one that it passes.
    const { getHttpAdapter } = consumer as { getHttpAdapter?: () => { getHttpServer(): Server } }
    const server = getHttpAdapter?.call(consumer).getHttpServer()
    if (server !== undefined) background.attachServer(server)
    const attach = (req: Scoped, res: ServerResponse, next: () => void): void => {
      const scope = background.attach(res, req)
      req[SCOPE] = scope
      scope.run(next)
    }
    consumer.apply(attach).forRoutes('{*all}')
  }

  /** Called by Nest. */
  async onModuleInit(): Promise<void> {
    await this.#background.start()
  }

  /** Called by Nest before it closes the server. */
  beforeApplicationShutdown(): void {
    this.#background.drain()
  }

  /** Called by Nest when the server has closed. */
  async onApplicationShutdown(): Promise<void> {
    await this.#background.stop()
  }
}
Inject(Background)(AfterwordModule, undefined, 0)
Module({})(AfterwordModule)
