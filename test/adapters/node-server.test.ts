/** What is Node's alone: HTTP/2, errors that no framework catches, and servers whose handler is not ours. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import {
  connect,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { describe, it, type TestContext } from 'node:test'
import { attachTasks, nodeTasks } from '../../src/adapters/node.ts'
import { currentTasks } from '../../src/current-tasks.ts'
import { defineTask } from '../../src/define-task.ts'
import { listen, portOf, Wire } from '../http/wire.ts'
import { bench, later } from '../support/bench.ts'
import { FullStore } from './world.ts'

const note = defineTask({ name: 'note', run: (_: string) => undefined })

type Http2Handler = Parameters<typeof nodeTasks<Http2ServerRequest, Http2ServerResponse>>[1]

async function http2(t: TestContext, handler: Http2Handler, options: Parameters<typeof bench>[1] = {}) {
  const made = bench(t, { tasks: [note], ...options })
  const server = createHttp2Server(nodeTasks<Http2ServerRequest, Http2ServerResponse>(made.background, handler))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${portOf(server)}`)
  later(t).defer(() => {
    client.destroy()
    server.close()
  })
  return { ...made, get: () => get(client.request({ ':path': '/' })) }
}

async function get(
  request: ReturnType<ReturnType<typeof connect>['request']>,
): Promise<{ status: unknown; retryAfter: unknown; body: string }> {
  let body = ''
  request.setEncoding('utf8').on('data', (data) => (body += String(data)))
  const [headers] = (await once(request, 'response')) as [Record<string, unknown>]
  await once(request, 'end')
  return { status: headers[':status'], retryAfter: headers['retry-after'], body }
}

describe('node:http2', () => {
  it('tasks are stored before the head leaves and run when the answer is out', async (t) => {
    const { get, row, until } = await http2(t, (_req, res, tasks) => res.writeHead(201).end(tasks.add(note, 'x').id))
    const { status, body: id } = await get()
    assert.equal(status, 201)
    assert.equal((await row(id)).name, 'note')
    await until('attempt:end', id)
  })

  it('a store that fails is a 503 with Retry-After', async (t) => {
    const { get } = await http2(t, (_req, res, tasks) => res.end(tasks.add(note, 'x').id), {
      store: new FullStore().store,
    })
    const { status, retryAfter } = await get()
    assert.deepEqual([status, retryAfter], [503, '10'])
  })

  it('a handler that throws is a 500, and its tasks are dropped', async (t) => {
    const { get, until } = await http2(t, (_req, _res, tasks) => {
      tasks.add(note, 'x')
      throw new Error('a handler that throws')
    })
    const warned = once(process, 'warning')
    assert.equal((await get()).status, 500)
    assert.equal((await until('task:dropped')).status, 500)
    assert.equal(((await warned)[0] as Error).message, 'a handler that throws')
  })
})

describe('node:http', () => {
  it('a response without tasks has neither gate nor list', async (t) => {
    const { background, events } = bench(t, { tasks: [note] })
    const seen: string[] = []
    const server = createServer(
      nodeTasks(background, (_req, res, tasks) => {
        assert.equal(typeof tasks, 'object')
        res.end('x')
        seen.push(...Object.getOwnPropertySymbols(res).map(String))
      }),
    )
    const wire = (await Wire.open(t, await listen(t, server))).get('/')
    assert.equal((await wire.answer()).body, 'x')
    assert.deepEqual(
      seen.filter((name) => name.includes('gate')),
      [],
    )
    assert.deepEqual(events.heard, [])
  })

  it('an error after the head breaks the connection, and the tasks of the head are kept', async (t) => {
    const { background, until } = bench(t, { tasks: [note] })
    const server = createServer(
      nodeTasks(background, async (_req, res, tasks) => {
        tasks.add(note, 'x')
        await new Promise((left) => res.write('part', left))
        throw new Error('an error after the head')
      }),
    )
    const wire = (await Wire.open(t, await listen(t, server))).get('/')
    const warned = once(process, 'warning')
    assert.match(await wire.end(), /^HTTP\/1.1 200 OK[^]*part\r\n$/)
    assert.equal(((await warned)[0] as Error).message, 'an error after the head')
    await until('attempt:end')
  })

  it('an error after the end changes nothing', async (t) => {
    const { background, until } = bench(t, { tasks: [note] })
    const server = createServer(
      nodeTasks(background, (_req, res, tasks) => {
        tasks.add(note, 'x')
        res.end('whole')
        throw new Error('an error after the end')
      }),
    )
    const warned = once(process, 'warning')
    const wire = (await Wire.open(t, await listen(t, server))).get('/')
    assert.equal((await wire.answer()).body, 'whole')
    await until('attempt:end')
    await warned
  })

  it('attachTasks ends when it is told to', async (t) => {
    const { background } = bench(t, { tasks: [note] })
    const server = createServer((_req, res) => {
      let found = 'a list'
      try {
        currentTasks()
      } catch (error) {
        found = (error as NodeJS.ErrnoException).code ?? ''
      }
      res.end(found)
    })
    const detach = attachTasks(server, background)
    const wire = await Wire.open(t, await listen(t, server))
    assert.equal((await wire.get('/').answer()).body, 'a list')
    detach()
    assert.equal((await wire.get('/').answer()).body, 'NO_RESPONSE')
  })
})
