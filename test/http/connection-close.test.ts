import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { carriedBy, carry } from '../../src/http/carried.ts'
import { installGate } from '../../src/http/gate.ts'
import { portOf, serve, Wire } from './wire.ts'

installGate()

/** A request that waits in its handler. */
async function inFlight(t: TestContext) {
  const background = { draining: false }
  const { promise, resolve } = Promise.withResolvers<ServerResponse>()
  const server = await serve(t, (_, res) => {
    carry(res, { owner: background, next: carriedBy(res) })
    resolve(res)
  })
  const wire = (await Wire.open(t, portOf(server))).get('/')
  return { background, server, wire, response: await promise }
}

describe('the answer to a request in flight', () => {
  it('keeps its connection while nothing ends', async (t) => {
    const { wire, response } = await inFlight(t)
    response.end('x')
    assert.equal((await wire.answer()).headers['connection'], 'keep-alive')
  })

  it('closes its connection when the shutdown has begun', async (t) => {
    const { background, wire, response } = await inFlight(t)
    background.draining = true
    response.end('x')
    assert.equal((await wire.answer()).headers['connection'], 'close')
    await wire.end()
  })

  it('closes its connection when the server was told to close, which is then over at once', async (t) => {
    const { server, wire, response } = await inFlight(t)
    const closed = new Promise((resolve) => server.close(resolve))
    response.writeHead(201).end('x')
    assert.equal((await wire.answer()).headers['connection'], 'close')
    await closed
  })

  it('says what the application says, if it says anything', async (t) => {
    const { background, wire, response } = await inFlight(t)
    background.draining = true
    response.setHeader('Connection', 'keep-alive')
    response.end('x')
    assert.equal((await wire.answer()).headers['connection'], 'keep-alive')
  })

  it('keeps its connection when nobody looks after the response', async (t) => {
    const { promise, resolve } = Promise.withResolvers<ServerResponse>()
    const server = await serve(t, (_, res) => resolve(res))
    const wire = (await Wire.open(t, portOf(server))).get('/')
    const response = await promise
    server.close()
    response.end('x')
    assert.equal((await wire.answer()).headers['connection'], 'keep-alive')
  })
})
