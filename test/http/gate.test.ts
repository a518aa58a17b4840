import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { gateResponse } from '../../src/http/gate.ts'
import { held } from './held-response.ts'
import { HeldTasks, tasksStoredSoon } from './held-tasks.ts'
import { answer, portOf, serve, Wire } from './wire.ts'

/** A server where each path has its own list, made before the test asks for it. */
function byPath(lists: Record<string, HeldTasks>, handler: RequestListener): RequestListener {
  return (req, res) => {
    const tasks = lists[req.url ?? '']
    if (tasks !== undefined) gateResponse(res, tasks)
    handler(req, res)
  }
}

describe('while the tasks are not stored', () => {
  it('no byte of the answer has been given to the socket', async (t) => {
    const { tasks, wire, response } = await held(t, (res) => {
      res.writeHead(201)
      res.write('a')
      res.flushHeaders()
      res.end('b')
    })
    assert.equal(response.socket?.bytesWritten, 0)
    assert.equal(response.socket?.writableLength, 0)
    tasks.commit()
    assert.match(await wire.until(/\r\n0\r\n\r\n$/), /^HTTP\/1.1 201 Created\r\n/)
  })

  it('the response says that its head is sent and that it has ended, and that it has not finished', async (t) => {
    const { tasks, response } = await held(t, (res) => void res.end('x'))
    const { headersSent, writableEnded, writableFinished } = response
    assert.deepEqual(
      { headersSent, writableEnded, writableFinished },
      { headersSent: true, writableEnded: true, writableFinished: false },
    )
    assert.throws(() => response.setHeader('x-late', '1'), { code: 'ERR_HTTP_HEADERS_SENT' })
    assert.throws(() => response.writeHead(500), { code: 'ERR_HTTP_HEADERS_SENT' })
    tasks.commit()
    await once(response, 'finish')
    assert.equal(response.writableFinished, true)
    assert.equal(response.writableEnded, true)
  })

  it('write says false, and one drain follows when the answer has left', async (t) => {
    const said: unknown[] = []
    const { tasks, wire, response } = await held(t, (res) => {
      said.push(res.write('a'), res.write('b'))
      res.on('drain', () => said.push('drain'))
    })
    assert.deepEqual(said, [false, false])
    tasks.commit()
    await wire.until(/b\r\n$/)
    assert.deepEqual(said, [false, false, 'drain'])
    assert.equal(response.writableNeedDrain, false)
    said.push(response.write('c'))
    response.end()
    await wire.until(/0\r\n\r\n$/)
    assert.deepEqual(said, [false, false, 'drain', true])
  })

  it('callbacks come in the order of the calls, when the bytes are out', async (t) => {
    const called: string[] = []
    const { tasks, response } = await held(t, (res) => {
      res.on('finish', () => called.push('finish'))
      res.write('a', () => called.push('a'))
      res.write('b', 'utf8', () => called.push('b'))
      res.end('c', () => called.push('end'))
    })
    assert.deepEqual(called, [])
    tasks.commit()
    await once(response, 'close')
    assert.deepEqual(called, ['a', 'b', 'end', 'finish'])
  })

  it('a write after the end is the error that Node makes of it', async (t) => {
    const errors: unknown[] = []
    const { tasks, wire, response } = await held(t, (res) => {
      res.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code))
      res.end('x')
      res.write('late')
    })
    tasks.commit()
    await once(response, 'finish')
    assert.match(await wire.until(/x$/), /Content-Length: 1\r\n/)
    assert.deepEqual(errors, ['ERR_STREAM_WRITE_AFTER_END'])
  })

  it('a graceful shutdown does not take the connection for idle', async (t) => {
    const { tasks, server, wire } = await held(t, (res) => void res.end('kept'))
    server.close()
    server.closeIdleConnections()
    tasks.commit()
    assert.match(await wire.until(/kept$/), /^HTTP\/1.1 200 OK/)
  })

  it('an informational head leaves at once', async (t) => {
    const { tasks, wire } = await held(t, (res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' })
      res.end('x')
    })
    assert.equal(
      await wire.until(/103[^]*\r\n\r\n$/),
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n',
    )
    tasks.commit()
    await wire.until(/200 OK[^]*x$/)
  })

  it('the answer to a pipelined request waits for its turn', async (t) => {
    const lists = { '/1': new HeldTasks(), '/2': new HeldTasks() }
    const server = await serve(
      t,
      byPath(lists, (req, res) => void res.end(`answer ${req.url};`)),
    )
    const wire = (await Wire.open(t, portOf(server))).get('/1').get('/2').get('/3', 'Connection: close')
    await Promise.all([lists['/1'].settled, lists['/2'].settled])
    lists['/2'].commit()
    assert.equal(wire.text, '')
    lists['/1'].commit()
    assert.deepEqual((await wire.end()).match(/answer \/\d;/g), ['answer /1;', 'answer /2;', 'answer /3;'])
  })

  it('the next request on the connection is served as soon as the answer is out', async (t) => {
    const tasks = tasksStoredSoon()
    const server = await serve(
      t,
      byPath({ '/1': tasks }, (req, res) => void res.end(`answer ${req.url};`)),
    )
    const wire = (await Wire.open(t, portOf(server))).get('/1')
    await wire.until(/answer \/1;/)
    await wire.get('/2').until(/answer \/2;/)
    assert.deepEqual(tasks.calls, ['settle 200', 'close'])
  })
})

describe('the status that leaves decides', () => {
  const cases: Record<string, [number, (res: ServerResponse) => unknown]> = {
    'of writeHead': [201, (res) => res.writeHead(201).end()],
    'of writeHead, whatever statusCode says later': [
      201,
      (res) => {
        res.writeHead(201)
        res.statusCode = 500
        res.end()
      },
    ],
    'of statusCode': [
      404,
      (res) => {
        res.statusCode = 404
        res.end()
      },
    ],
    'of a stream that fails before its first byte': [
      500,
      (res) => {
        const source = new Readable({ read: () => source.destroy(new Error('no such file')) })
        source.on('error', () => res.writeHead(500).end())
        source.pipe(res)
      },
    ],
    'of a listener for the head': [
      418,
      (res) => {
        const writeHead = res.writeHead.bind(res)
        res.writeHead = () => writeHead(418)
        res.end()
      },
    ],
    'of the answer to a mistake that Node refuses': [
      500,
      (res) => {
        try {
          res.writeHead(99_999)
        } catch {
          res.writeHead(500).end()
        }
      },
    ],
    'of the answer to a chunk that Node refuses': [
      422,
      (res) => {
        try {
          res.end(12 as never)
        } catch {
          res.writeHead(422).end()
        }
      },
    ],
  }
  for (const [name, [expected, handler]] of Object.entries(cases)) {
    it(`that ${name}`, async (t) => {
      const { tasks, status, wire } = await held(t, handler)
      assert.equal(status, expected)
      tasks.commit()
      assert.match(await wire.until(/\r\n\r\n/), new RegExp(`^HTTP/1.1 ${expected} `))
    })
  }

  it('is told once, also when there is nothing to store', async (t) => {
    const tasks = new HeldTasks({ pending: false })
    const server = await serve(t, (_, res) => {
      gateResponse(res, tasks)
      res.write('a')
      res.end('b')
    })
    await answer(t, portOf(server), 'GET / HTTP/1.1', 'Host: x')
    await tasks.closed
    assert.deepEqual(tasks.calls, ['settle 200', 'close'])
  })

  it('is told at once to a list that comes after the head', async (t) => {
    const tasks = new HeldTasks({ pending: false })
    const server = await serve(t, (_, res) => {
      res.statusCode = 202
      res.write('a')
      gateResponse(res, tasks)
      assert.deepEqual(tasks.calls, ['settle 202'])
      res.end()
    })
    await answer(t, portOf(server), 'GET / HTTP/1.1', 'Host: x')
    await tasks.closed
    assert.deepEqual(tasks.calls, ['settle 202', 'close'])
  })

  it('is not told before the first byte: what is added after writeHead is in time', async (t) => {
    const tasks = new HeldTasks()
    const server = await serve(t, (_, res) => {
      gateResponse(res, tasks)
      res.writeHead(200)
      const callsAfterHead = [...tasks.calls]
      res.end(callsAfterHead.join())
    })
    const wire = (await Wire.open(t, portOf(server))).get('/')
    await tasks.settled
    tasks.commit()
    assert.match(await wire.until(/0\r\n\r\n$/), /^HTTP\/1.1 200 OK/)
  })
})

describe('when the client goes away', () => {
  it('before the head, the list closes and is then settled by the status of the late answer', async (t) => {
    const tasks = new HeldTasks()
    const { promise, resolve } = Promise.withResolvers<ServerResponse>()
    const server = await serve(t, (_, res) => {
      gateResponse(res, tasks)
      resolve(res)
    })
    const wire = (await Wire.open(t, portOf(server))).get('/')
    const response = await promise
    wire.socket.destroy()
    await tasks.closed
    response.writeHead(409).end('late')
    assert.deepEqual(tasks.calls, ['close', 'settle 409'])
    tasks.fail(new Error('nobody waits for it'))
  })

  it('while the answer is held, its callbacks still come', async (t) => {
    const ended = Promise.withResolvers<unknown>()
    const { tasks, wire, response } = await held(t, (res) => void res.write('x', ended.resolve))
    wire.socket.destroy()
    await tasks.closed
    tasks.commit()
    assert.equal(((await ended.promise) as NodeJS.ErrnoException).code, 'ERR_STREAM_DESTROYED')
    assert.equal(response.destroyed, true)
    assert.deepEqual(tasks.calls, ['settle 200', 'close'])
  })

  it('a list that comes after that is closed at once', async (t) => {
    const tasks = new HeldTasks()
    const { promise, resolve } = Promise.withResolvers<ServerResponse>()
    const server = await serve(t, (_, res) => resolve(res))
    const wire = (await Wire.open(t, portOf(server))).get('/')
    const response = await promise
    wire.socket.destroy()
    await once(response, 'close')
    gateResponse(response, tasks)
    assert.deepEqual(tasks.calls, ['close'])
    response.writeHead(200).end()
    assert.deepEqual(tasks.calls, ['close', 'settle 200'])
  })
})
