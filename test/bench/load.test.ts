/** The load generator counts against servers that behave, and that do not. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, test, type TestContext } from 'node:test'
import { Child } from '../../bench/child.ts'
import type { GroupResult, LoadOrder, LoadResult } from '../../bench/load.ts'

const { child: generator } = await Child.start('./load.ts', [])
after(() => generator.stop())

async function serve(t: TestContext, listener: RequestListener): Promise<Server> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return server
}

async function load(server: Server, order: Partial<LoadOrder>): Promise<GroupResult> {
  const { port } = server.address() as AddressInfo
  const whole = { port, ms: 60, settleMs: 10, groups: [{ path: '/', connections: 4 }], ...order }
  return (await generator.ask<LoadResult>(whole)).groups[0]!
}

describe('the load generator', () => {
  test('counts every answer, and those after the settling for the rate', async (t) => {
    let requests = 0
    const server = await serve(t, (_, response) => {
      requests++
      response.end('{"ok":true}')
    })
    const { answered, failed, perSecond, p50Ms, p99Ms } = await load(server, {})
    assert.equal(answered, requests)
    assert.equal(failed, 0)
    assert.ok(perSecond > 0 && p50Ms > 0 && p99Ms >= p50Ms)
  })

  test('goes on until there are as many answers as connections, however short the slice', async (t) => {
    const server = await serve(t, (_, response) => void response.end('{"ok":true}'))
    const { answered, perSecond } = await load(server, { ms: 0.001, settleMs: 0 })
    assert.ok(answered >= 4)
    assert.ok(perSecond > 0 && perSecond < 1e6, `${perSecond} is a rate`)
  })

  test('takes an answer other than 200 for a failure', async (t) => {
    const server = await serve(t, (_, response) => void response.writeHead(503).end('{}'))
    const { answered, failed } = await load(server, {})
    assert.deepEqual({ answered, failed }, { answered: 0, failed: 4 })
  })

  test('takes a connection that breaks for a failure, but not where a kill is meant', async (t) => {
    const server = await serve(t, (request) => void request.socket.destroy())
    assert.equal((await load(server, {})).failed, 4)
    assert.equal((await load(server, { killed: true })).failed, 0)
  })

  test('names the tasks that were acknowledged when the server is to be killed', async (t) => {
    let n = 0
    const server = await serve(t, (request, response) => {
      if (++n > 6) request.socket.destroy()
      else response.end(`{"n":"${String(n).padStart(8, '0')}"}`)
    })
    const { acknowledged } = await load(server, { killed: true })
    assert.deepEqual(new Set(acknowledged), new Set([1, 2, 3, 4, 5, 6]))
  })

  test('asks no more often than it is told to', async (t) => {
    const server = await serve(t, (_, response) => void response.end('{"ok":true}'))
    const groups = [{ path: '/', connections: 2, perSecond: 100 }]
    const { answered } = await load(server, { ms: 200, groups })
    assert.ok(answered <= 20, `${answered} answers in 200 ms`)
  })
})
