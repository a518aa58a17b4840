/** What is Nest's alone. Decorators are called as functions: Node runs these tests as they are. */
import 'reflect-metadata'
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { Controller, Get, Inject, type INestApplication, Injectable, Module, Res, Sse, type Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { of } from 'rxjs'
import { AfterwordModule, Tasks } from '../../src/adapters/nestjs.ts'
import type { BackgroundTasks } from '../../src/background-tasks.ts'
import { Background, createBackground } from '../../src/background.ts'
import { currentTasks } from '../../src/current-tasks.ts'
import { defineTask } from '../../src/define-task.ts'
import { portOf, Wire } from '../http/wire.ts'
import { type Bench, bench, folder, later } from '../support/bench.ts'
import { FullStore } from './world.ts'

const note = defineTask({ name: 'note', run: (_: string) => undefined })

class Service {
  readonly background: Background

  constructor(background: Background) {
    this.background = background
  }

  add(): string {
    return currentTasks().add(note, 'x').id
  }
}
Inject(Background)(Service, undefined, 0)
Injectable()(Service)

class Paths {
  readonly #service: Service

  constructor(service: Service) {
    this.#service = service
  }

  json(tasks: BackgroundTasks): { id: string } {
    return { id: tasks.add(note, 'x').id }
  }

  deep(): { id: string; isStarted: boolean } {
    return { id: this.#service.add(), isStarted: !this.#service.background.draining }
  }

  sse(tasks: BackgroundTasks): unknown {
    tasks.add(note, 'x')
    return of({ data: 'one' }, { data: 'two' })
  }

  raw(tasks: BackgroundTasks, answer: ServerResponse & { raw?: ServerResponse }): void {
    tasks.add(note, 'x')
    ;(answer.raw ?? answer).end('raw')
  }
}
Inject(Service)(Paths, undefined, 0)
for (const [name, decorate] of [
  ['json', Get('json')],
  ['deep', Get('deep')],
  ['sse', Sse('sse')],
  ['raw', Get('raw')],
] as const) {
  decorate(Paths.prototype, name, Object.getOwnPropertyDescriptor(Paths.prototype, name) as PropertyDescriptor)
  if (name !== 'deep') Tasks()(Paths.prototype, name, 0)
}
Res()(Paths.prototype, 'raw', 1)
Controller()(Paths)

function moduleOf(background: Background): Type {
  // oxlint-disable-next-line typescript/no-extraneous-class -- what Nest calls a module.
  class App {}
  Module({ imports: [AfterwordModule.forRoot({ background })], controllers: [Paths], providers: [Service] })(App)
  return App
}

type Platform = 'Express' | 'Fastify'

async function application(
  t: TestContext,
  platform: Platform,
  options: Parameters<typeof bench>[1] = {},
): Promise<Bench & { app: INestApplication }> {
  const made = bench(t, { tasks: [note], ...options })
  const adapter = platform === 'Express' ? new ExpressAdapter() : new FastifyAdapter()
  const app = await NestFactory.create(moduleOf(made.background), adapter as ExpressAdapter, {
    logger: false,
    abortOnError: false,
  })
  later(t).defer(() => app.close())
  return { ...made, app }
}

async function listen(t: TestContext, app: INestApplication): Promise<Wire> {
  await app.listen(0, '127.0.0.1')
  return Wire.open(t, portOf(app.getHttpServer() as Parameters<typeof portOf>[0]))
}

for (const platform of ['Express', 'Fastify'] as const) {
  describe(`NestJS on ${platform}: ways to answer`, () => {
    for (const [path, body] of [
      ['json', /^\{"id":/],
      ['deep', /"isStarted":true/],
      ['sse', /data: one[^]*data: two/],
      ['raw', /^raw$/],
    ] as const) {
      it(`/${path}: the task is stored and run`, async (t) => {
        const { app, until } = await application(t, platform)
        const wire = (await listen(t, app)).get(`/${path}`, 'Connection: close')
        assert.match((await wire.answer()).body, body)
        await until('attempt:end')
      })

      it(`/${path}: a store that fails is a 503 with Retry-After`, async (t) => {
        const { app } = await application(t, platform, { store: new FullStore().store })
        const wire = (await listen(t, app)).get(`/${path}`)
        const { status, headers } = await wire.answer()
        assert.deepEqual([status, headers['retry-after']], [503, '10'])
      })
    }

    it('a global prefix leaves no route without a task list', async (t) => {
      const { app, until } = await application(t, platform)
      app.setGlobalPrefix('api', { exclude: ['raw'] })
      const wire = await listen(t, app)
      for (const path of ['/api/json', '/raw']) {
        assert.equal((await wire.get(path).answer()).status, 200, path)
        await until('attempt:end')
      }
    })

    it('a store that cannot be opened fails the start with its code', async (t) => {
      const background = createBackground({ store: `sqlite:${folder(t)}` })
      const adapter = platform === 'Express' ? new ExpressAdapter() : new FastifyAdapter()
      const app = await NestFactory.create(moduleOf(background), adapter as ExpressAdapter, {
        logger: false,
        abortOnError: false,
      })
      await assert.rejects(async () => app.listen(0, '127.0.0.1'), { name: 'AfterwordError' })
    })
  })
}

describe('NestJS on Fastify: inject()', () => {
  it('has a task list too', async (t) => {
    const { app, until } = await application(t, 'Fastify')
    await app.init()
    const { statusCode } = await (app as NestFastifyApplication).inject('/json')
    assert.equal(statusCode, 200)
    await until('attempt:end')
  })
})
