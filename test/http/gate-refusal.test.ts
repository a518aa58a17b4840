import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it, type TestContext } from 'node:test'
import { gateResponse } from '../../src/http/gate.ts'
import { storeFull, tasksFailingSoon } from './held-tasks.ts'
import { portOf, serve, Wire } from './wire.ts'

const REFUSAL =
  '{"error":"STORE_FULL","message":"The request was not accepted: its background tasks could not be stored."}'

/** Sends one request to a handler whose tasks cannot be stored; other paths than `/` are answered without tasks. */
async function refused(
  t: TestContext,
  handler: (res: ServerResponse) => unknown,
  { error = storeFull(), method = 'GET' } = {},
) {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>()
  const server = await serve(t, (req, res) => {
    if (req.url !== '/') return void res.end(`answer ${req.url};`)
    gateResponse(res, tasksFailingSoon(error))
    resolve(res)
    void handler(res)
  })
  const wire = (await Wire.open(t, portOf(server))).send(`${method} / HTTP/1.1`, 'Host: x')
  return { wire, response: await promise }
}

describe('when the tasks cannot be stored', () => {
  it('the client gets 503 with Retry-After and the code, and nothing of the answer', async (t) => {
    const { wire, response } = await refused(t, (res) => {
      res.setHeader('Set-Cookie', 'session=1')
      res.setHeader('Location', '/made')
      res.writeHead(201, { 'Content-Type': 'text/html', 'Content-Length': 4, ETag: '"1"' }).end('made')
    })
    const text = (await wire.until(/\}$/)).replace(/^Date: .*\r\n/m, '')
    assert.deepEqual(text.split('\r\n'), [
      'HTTP/1.1 503 Service Unavailable',
      'Connection: keep-alive',
      'Keep-Alive: timeout=5',
      'content-type: application/json; charset=utf-8',
      'cache-control: no-store',
      'retry-after: 10',
      `content-length: ${REFUSAL.length}`,
      '',
      REFUSAL,
    ])
    assert.equal(response.statusCode, 503)
    assert.equal(response.statusMessage, 'Service Unavailable')
  })

  it('headers about the connection between the sides stay, so that a browser lets the page see the 503', async (t) => {
    const { wire } = await refused(t, (res) => {
      const headers = {
        'Access-Control-Allow-Origin': '*',
        Vary: 'Origin',
        'X-Request-Id': '7',
        'Content-Encoding': 'gzip',
      }
      res.writeHead(200, headers).end('x')
    })
    const text = await wire.until(/\}$/)
    assert.match(text, /Access-Control-Allow-Origin: \*\r\nVary: Origin\r\nX-Request-Id: 7\r\n/)
    assert.doesNotMatch(text, /gzip/)
  })

  it('the error decides about the status', async (t) => {
    const taken = Object.assign(new Error('taken'), { code: 'TASK_ID_TAKEN', statusCode: 409 })
    const { wire } = await refused(t, (res) => res.end('x'), { error: taken })
    const text = await wire.until(/\}$/)
    assert.match(text, /^HTTP\/1.1 409 Conflict/)
    assert.doesNotMatch(text, /retry-after/)
  })

  it('an error without a code is a 503 that tells nothing of the server', async (t) => {
    const { wire } = await refused(t, (res) => res.end('x'), { error: new Error('ENOENT /srv/secret.db') })
    const text = await wire.until(/\}$/)
    assert.match(text, /^HTTP\/1.1 503 [^]*retry-after: 5\r\n[^]*"error":"STORE_FAILED"/)
    assert.doesNotMatch(text, /secret/)
  })

  it('the refusal of a HEAD request has no body', async (t) => {
    const { wire } = await refused(t, (res) => res.end('x'), { method: 'HEAD' })
    await wire.until(/\r\n\r\n/)
    const text = await wire.get('/next').until(/answer \/next;/)
    assert.match(text, new RegExp(`^HTTP/1.1 503 [^]*content-length: ${REFUSAL.length}\\r\\n\\r\\nHTTP/1.1 200 OK`))
  })

  const styles: Record<string, (res: ServerResponse) => unknown> = {
    'of no content': (res) => res.writeHead(204).end(),
    'that was not modified': (res) => res.writeHead(304).end(),
    'in chunks': (res) => {
      res.write('a')
      res.end('b')
    },
    'whose head was flushed': (res) => {
      res.flushHeaders()
      res.end('b')
    },
    'with trailers': (res) => {
      res.writeHead(200, { Trailer: 'X-Sum' })
      res.write('a')
      res.addTrailers({ 'X-Sum': '1' })
      res.end()
    },
    'of a piped stream': (res) => Readable.from(['a', 'b', 'c']).pipe(res),
    'of a pipeline': (res) => pipeline(Readable.from(['a', 'b', 'c']), res).catch(() => undefined),
    'that goes on for ever': (res) =>
      new Readable({
        read() {
          this.push('x')
        },
      }).pipe(res),
    'that goes on when it was refused': async (res) => {
      res.write('a')
      await once(res, 'finish')
      assert.equal(res.write('b'), true)
      res.flushHeaders()
      res.end('c')
      res.end()
    },
  }
  for (const [name, handler] of Object.entries(styles)) {
    it(`an answer ${name} is refused, and the next request on the connection is served`, async (t) => {
      const { wire } = await refused(t, handler)
      await wire.until(/\}$/)
      const text = await wire.get('/next').until(/answer \/next;/)
      assert.match(text, /^HTTP\/1.1 503 [^]*\}HTTP\/1.1 200 OK[^]*answer \/next;$/)
    })
  }

  it('the callbacks of the answer still come, in their order', async (t) => {
    const called: string[] = []
    const { response } = await refused(t, (res) => {
      res.write('a', () => called.push('a'))
      res.end('b', () => called.push('end'))
    })
    await once(response, 'close')
    assert.deepEqual(called, ['a', 'end'])
    const late = Promise.withResolvers<void>()
    response.write('c', () => late.resolve())
    await late.promise
  })

  it('a connection that was to be upgraded is closed', async (t) => {
    const { wire } = await refused(t, (res) => res.writeHead(101, { Connection: 'Upgrade', Upgrade: 'x' }).end())
    assert.equal(await wire.end(), '')
  })

  it('a client of HTTP/1.0 sees the end of the refusal', async (t) => {
    const server = await serve(t, (_, res) => {
      gateResponse(res, tasksFailingSoon(storeFull()))
      res.end('x')
    })
    const wire = (await Wire.open(t, portOf(server))).send('GET / HTTP/1.0')
    assert.match(await wire.end(), /^HTTP\/1.1 503 [^]*Connection: close\r\n[^]*\}$/)
  })

  it('a client that has gone away leaves nothing behind', async (t) => {
    const ended = Promise.withResolvers<void>()
    const { wire, response } = await refused(t, (res) => void res.end('x', () => ended.resolve()))
    wire.socket.destroy()
    await ended.promise
    assert.equal(response.destroyed, true)
  })
})
