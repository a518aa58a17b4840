/**
 * Goal: the client cannot tell that a gate held its answer. Method: every way to answer is served twice, by Node alone and
 * behind a gate whose tasks are stored a turn later, and the bytes on the wire are compared.
 * Only where a body is cut into chunks is left out: from Node 26 on that depends on the turn of the event loop.
 */
import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it } from 'node:test'
import { gateResponse } from '../../src/http/gate.ts'
import { tasksStoredSoon } from './held-tasks.ts'
import { answer, portOf, serve } from './wire.ts'

type Handler = (response: ServerResponse, request: IncomingMessage) => unknown

const ANSWERS: Record<string, Handler> = {
  'end without a body': (res) => res.end(),
  'end with a string': (res) => res.end('hällo'),
  'end with an empty string': (res) => res.end(''),
  'end with latin1': (res) => res.end('hällo', 'latin1'),
  'end with base64': (res) => res.end('aGVsbG8=', 'base64'),
  'end with bytes': (res) => res.end(Buffer.from([1, 2, 3])),
  'end with a callback only': (res) => res.end(() => undefined),
  'end with nulls, as Fastify calls it': (res) => res.end(null, null as never, null as never),
  'write and end': (res) => {
    res.write('a')
    res.write(Buffer.from('b'))
    res.end('c')
  },
  'write and end with a content-length': (res) => {
    res.setHeader('Content-Length', 2)
    res.write('a')
    res.end('b')
  },
  'writeHead with an object': (res) => res.writeHead(201, { 'X-A': '1', 'Set-Cookie': ['a=1', 'b=2'] }).end('made'),
  'writeHead with a reason and a list': (res) => res.writeHead(202, 'Fine', ['X-A', '1', 'X-A', '2']).end(),
  'writeHead over set headers': (res) => {
    res.setHeader('X-A', '1')
    res.writeHead(200, { 'x-a': '2', 'Content-Type': 'text/plain' })
    res.end('x')
  },
  'the alias writeHeader': (res) => {
    // Gone from Node 26 on.
    if ('writeHeader' in res) (res as ServerResponse & { writeHeader(status: number): void }).writeHeader(203)
    else res.writeHead(203)
    res.end('x')
  },
  'flushHeaders, then a body': (res) => {
    res.setHeader('Content-Type', 'text/event-stream')
    res.flushHeaders()
    res.write('data: 1\n\n')
    res.end('data: 2\n\n')
  },
  'no content': (res) => res.writeHead(204).end(),
  'not modified': (res) => {
    res.statusCode = 304
    res.setHeader('ETag', '"1"')
    res.end()
  },
  'a redirect': (res) => res.writeHead(302, { Location: '/there' }).end(),
  'an error': (res) => res.writeHead(500).end('boom'),
  'a piped stream': (res) => Readable.from(['one', 'two', 'three']).pipe(res),
  'a large file through pipeline': (res) => pipeline(createReadStream(new URL(import.meta.url)), withMegabyte, res),
  trailers: (res, req) => {
    // Node refuses to announce them where no chunked body can follow.
    res.writeHead(200, req.method === 'HEAD' || req.httpVersion === '1.0' ? {} : { Trailer: 'X-Sum' })
    res.write('body')
    res.addTrailers({ 'X-Sum': '42' })
    res.end()
  },
  'early hints': (res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload' })
    res.end('page')
  },
  processing: (res) => {
    res.writeProcessing()
    res.end('done')
  },
  'a response that closes the connection': (res) => {
    res.setHeader('Connection', 'close')
    res.end('bye')
  },
  'a second end': (res) => {
    res.end('once')
    res.end()
  },
  'corked writes': (res) => {
    res.cork()
    res.write('a')
    res.write('b')
    res.uncork()
    res.end()
  },
  'a head, and later a body': async (res) => {
    res.writeHead(200)
    await new Promise((resolve) => setImmediate(resolve))
    res.end('late')
  },
  'writes over several turns': async (res) => {
    for (const part of ['a', 'b', 'c', 'd']) {
      res.write(part)
      await new Promise((resolve) => setImmediate(resolve))
    }
    res.end()
  },
}

/** Passes on what it reads, then a megabyte more, so that the socket says stop many times. */
async function* withMegabyte(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of source) yield chunk
  for (let at = 0; at < 16; at++) yield Buffer.alloc(65_536, at)
}

const REQUESTS: Record<string, string[]> = {
  GET: ['GET / HTTP/1.1', 'Host: x'],
  HEAD: ['HEAD / HTTP/1.1', 'Host: x'],
  'GET of HTTP/1.0': ['GET / HTTP/1.0'],
  'POST with a body': ['POST / HTTP/1.1', 'Host: x', 'Content-Length: 0'],
}

describe('what leaves through a gate is byte for byte what Node sends alone', () => {
  for (const [name, handler] of Object.entries(ANSWERS)) {
    for (const [method, lines] of Object.entries(REQUESTS)) {
      it(`${name} (${method})`, async (t) => {
        const bare = await serve(t, (req, res) => void handler(res, req))
        const gated = await serve(t, (req, res) => {
          gateResponse(res, tasksStoredSoon())
          void handler(res, req)
        })
        const expected = await answer(t, portOf(bare), ...lines)
        assert.equal(await answer(t, portOf(gated), ...lines), expected)
        assert.match(expected, /^HTTP\/1\.1 \d{3} /)
      })
    }
  }
})
