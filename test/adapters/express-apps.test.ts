/** What is Express's alone: applications within applications, and other frameworks that call its middleware. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import express from 'express'
import { expressTasks } from '../../src/adapters/express.ts'
import { defineTask } from '../../src/define-task.ts'
import { portOf, serve, Wire } from '../http/wire.ts'
import { bench } from '../support/bench.ts'

const note = defineTask({ name: 'note', run: (_: string) => undefined })

async function open(t: TestContext, listener: RequestListener): Promise<Wire> {
  return Wire.open(t, portOf(await serve(t, listener)))
}

describe('Express: req.tasks', () => {
  it('is there in routers and mounted applications', async (t) => {
    const { background, until } = bench(t, { tasks: [note] })
    const [app, mounted, router] = [express(), express(), express.Router()]
    app.use(expressTasks(background))
    mounted.get('/a', (req, res) => void res.send(req.tasks.add(note, 'x').id))
    router.get('/b', (req, res) => void res.send(req.tasks.add(note, 'x').id))
    app.use('/mounted', mounted).use('/router', router)
    const wire = await open(t, app)
    for (const path of ['/mounted/a', '/router/b']) await until('attempt:end', (await wire.get(path).answer()).body)
  })

  it('is there in a mounted application that alone uses the middleware, and nowhere else', async (t) => {
    const { background, until } = bench(t, { tasks: [note] })
    const [app, mounted] = [express(), express()]
    mounted.use(expressTasks(background))
    mounted.get('/a', (req, res) => void res.send(req.tasks.add(note, 'x').id))
    app.use('/mounted', mounted)
    app.get('/outside', (req, res) => void res.send(String('tasks' in req)))
    const wire = await open(t, app)
    await until('attempt:end', (await wire.get('/mounted/a').answer()).body)
    assert.equal((await wire.get('/outside').answer()).body, 'false')
  })

  it('is not put on the prototype of all requests when another framework calls the middleware', async (t) => {
    const { background, until } = bench(t, { tasks: [note] })
    const middleware = expressTasks(background)
    const wire = await open(t, (req, res) =>
      middleware(req, res, () => {
        res.end((req as unknown as Express.Request).tasks.add(note, 'x').id)
      }),
    )
    await until('attempt:end', (await wire.get('/').answer()).body)
    const seen: boolean[] = []
    const other = createServer((req, res) => {
      seen.push('tasks' in req)
      res.end()
    }).listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.after(() => other.close())
    await (await Wire.open(t, portOf(other))).get('/', 'Connection: close').end()
    assert.deepEqual(seen, [false])
  })
})
