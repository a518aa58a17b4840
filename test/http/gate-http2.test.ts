/**
 * Goal: HTTP/2 responses are held like those of HTTP/1, also when the handler answers with the stream itself. Method: each
 * way to answer is served by Node alone and through a gate, and what the client sees is compared.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it, type TestContext } from 'node:test'
import { gateResponse } from '../../src/http/gate.ts'
import { HeldTasks, storeFull, tasksFailingSoon, tasksStoredSoon } from './held-tasks.ts'
import { portOf } from './wire.ts'

type Handler = (response: Http2ServerResponse, request: Http2ServerRequest) => unknown

async function session(t: TestContext, handler: Handler): Promise<ClientHttp2Session> {
  const server: Http2Server = createServer((req, res) => void handler(res, req))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${portOf(server)}`)
  t.after(() => {
    client.destroy()
    server.close()
  })
  return client
}

/** All that the client sees of an answer, without what differs by chance. */
async function answer(client: ClientHttp2Session, method = 'GET') {
  const request = client.request({ ':path': '/', ':method': method })
  const seen: unknown[] = []
  let body = ''
  request.setEncoding('latin1')
  request.on('headers', (headers) => seen.push(plain(headers)))
  request.on('response', (headers) => seen.push(plain(headers)))
  request.on('data', (data) => (body += String(data)))
  request.on('trailers', (trailers) => seen.push(plain(trailers)))
  request.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code))
  request.end()
  await once(request, 'close')
  return { seen, body, code: request.rstCode }
}

/** Headers without the date and without the symbol that Node puts beside them. */
function plain(headers: object): object {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'date'))
}

const ANSWERS: Record<string, Handler> = {
  'end without a body': (res) => res.end(),
  'end with a body and a callback': (res) => res.end('hällo', 'latin1', () => undefined),
  'writeHead().end()': (res) => res.writeHead(201, { 'x-a': ['1', '2'], 'set-cookie': ['a=1', 'b=2'] }).end('made'),
  'write and end': (res) => {
    res.setHeader('content-type', 'text/plain')
    res.write('a')
    res.write(Buffer.from('b'), () => undefined)
    res.end('c')
  },
  'flushHeaders and a body': (res) => {
    Reflect.apply(Reflect.get(res, 'flushHeaders') as () => void, res, [])
    res.end('x')
  },
  'no content': (res) => {
    res.statusCode = 204
    res.end()
  },
  'an error': (res) => res.writeHead(500).end('boom'),
  trailers: (res) => {
    res.addTrailers({ 'x-sum': '42' })
    res.end('body')
  },
  'early hints': (res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload' })
    res.end('page')
  },
  'a large stream': (res) => pipeline(Readable.from([Buffer.alloc(300_000, 'x'), Buffer.alloc(300_000, 'y')]), res),
  'the stream itself': ({ stream }) => {
    stream.respond({ ':status': 202, 'x-a': '1' })
    stream.write('a')
    stream.end('b')
  },
  'the stream without a head': ({ stream }) => stream.end('implied'),
  'a file through the stream': ({ stream }) =>
    stream.respondWithFile(new URL(import.meta.url).pathname, { 'x-file': '1' }),
}

/** Node never closes a response to HEAD into which somebody writes a body by hand. */
const NOT_FOR_HEAD = new Set([
  'a large stream',
  'the stream itself',
  'the stream without a head',
  'a file through the stream',
])

describe('what leaves through a gate of HTTP/2 is what Node sends alone', () => {
  for (const [name, handler] of Object.entries(ANSWERS)) {
    for (const method of NOT_FOR_HEAD.has(name) ? ['GET'] : ['GET', 'HEAD']) {
      it(`${name} (${method})`, async (t) => {
        const bare = await answer(await session(t, handler), method)
        const tasks = tasksStoredSoon()
        const gated = await session(t, (res, req) => {
          gateResponse(res, tasks)
          void handler(res, req)
        })
        assert.deepEqual(await answer(gated, method), bare)
        await tasks.closed
        assert.deepEqual(tasks.calls, [`settle ${statusOf(bare.seen)}`, 'close'])
      })
    }
  }
})

/** The last head is the final one; trailers have no status. */
function statusOf(seen: unknown[]): number | undefined {
  return (seen as Record<string, number>[]).findLast((headers) => ':status' in headers)?.[':status']
}

describe('while the tasks of an HTTP/2 response are not stored', () => {
  it('the response behaves as if it had left, and nothing has left', async (t) => {
    const tasks = new HeldTasks()
    const said: unknown[] = []
    const { promise, resolve } = Promise.withResolvers<Http2ServerResponse>()
    const client = await session(t, (res) => {
      gateResponse(res, tasks)
      res.writeHead(201)
      said.push(res.write('a'))
      res.on('drain', () => said.push('drain'))
      resolve(res)
    })
    const request = client.request({ ':path': '/' })
    const response = await promise
    assert.equal(await tasks.settled, 201)
    assert.deepEqual([response.headersSent, response.writableEnded, said], [true, false, [false]])
    assert.throws(() => response.writeHead(500), { code: 'ERR_HTTP2_HEADERS_SENT' })
    assert.throws(() => response.setHeader('x', '1'), { code: 'ERR_HTTP2_HEADERS_SENT' })
    let answered = false
    request.once('response', () => (answered = true))
    await new Promise((done) => client.ping(done))
    assert.equal(answered, false)
    tasks.commit()
    const [headers] = (await once(request, 'response')) as [Record<string, unknown>]
    assert.equal(headers[':status'], 201)
    assert.deepEqual(said, [false, 'drain'])
    response.end()
    request.resume()
    await once(request, 'close')
  })

  it('a client that goes away before the head closes the list, and the late answer settles it', async (t) => {
    for (const [status, late] of [
      [409, (res: Http2ServerResponse) => res.writeHead(409).end()],
      [
        410,
        (res: Http2ServerResponse) => {
          res.statusCode = 410
          res.end()
        },
      ],
    ] as const) {
      const tasks = new HeldTasks()
      const { promise, resolve } = Promise.withResolvers<Http2ServerResponse>()
      const client = await session(t, (res) => {
        gateResponse(res, tasks)
        resolve(res)
      })
      const request = client.request({ ':path': '/' })
      request.on('error', () => undefined)
      const response = await promise
      request.close(constants.NGHTTP2_CANCEL)
      await tasks.closed
      late(response)
      assert.deepEqual(tasks.calls, ['close', `settle ${status}`])
      tasks.commit()
    }
  })

  it('a client that goes away meanwhile leaves nothing behind', async (t) => {
    const tasks = new HeldTasks()
    const client = await session(t, (res) => {
      gateResponse(res, tasks)
      res.end('x')
    })
    const request = client.request({ ':path': '/' })
    request.on('error', () => undefined)
    await tasks.settled
    request.close(constants.NGHTTP2_CANCEL)
    await tasks.closed
    tasks.commit()
    assert.equal((await answer(await session(t, (res) => res.end('next')))).body, 'next')
  })
})

describe('when the tasks of an HTTP/2 response cannot be stored', () => {
  const body =
    '{"error":"STORE_FULL","message":"The request was not accepted: its background tasks could not be stored."}'
  const expected = {
    ':status': 503,
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'retry-after': '10',
  }
  for (const [name, handler] of Object.entries(ANSWERS)) {
    it(`the client gets 503 instead of ${name}`, async (t) => {
      const client = await session(t, (res, req) => {
        gateResponse(res, tasksFailingSoon(storeFull()))
        void Promise.resolve(handler(res, req)).catch(() => undefined)
      })
      const { seen, ...rest } = await answer(client)
      assert.deepEqual(rest, { body, code: 0 })
      assert.deepEqual(seen.at(-1), expected)
    })
  }

  it('headers about the connection between the sides stay, cookies do not', async (t) => {
    const client = await session(t, (res) => {
      gateResponse(res, tasksFailingSoon(storeFull()))
      res.writeHead(200, { 'access-control-allow-origin': '*', 'set-cookie': 'a=1' }).end('x')
    })
    const { seen } = await answer(client)
    assert.deepEqual(seen[0], { ...expected, 'access-control-allow-origin': '*' })
  })

  it('the callbacks of the answer still come, and late calls are swallowed', async (t) => {
    const called: string[] = []
    const done = Promise.withResolvers<void>()
    const client = await session(t, (res) => {
      gateResponse(res, tasksFailingSoon(storeFull()))
      res.write('a', () => {
        called.push('a')
        res.write('b')
        res.end('c', () => done.resolve())
      })
    })
    assert.equal((await answer(client)).body, body)
    await done.promise
    assert.deepEqual(called, ['a'])
  })
})
