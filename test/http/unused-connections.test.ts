import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect, createServer as createPlainServer, type Server, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { connect as connectSecurely } from 'node:tls'
import { closeUnusedWith, watchConnections } from '../../src/http/unused-connections.ts'
import { listen, portOf, Wire } from './wire.ts'

watchConnections()

/** A connection that the server has accepted. */
async function accepted(t: TestContext, server: Server): Promise<Wire> {
  const arrived = once(server, 'connection')
  const wire = await Wire.open(t, portOf(server))
  await arrived
  return wire
}

describe('a connection on which no request ever came', () => {
  it('is closed when its server closes, also when the server came into care after it', async (t) => {
    const server = createServer(() => undefined)
    await listen(t, server)
    const before = await accepted(t, server)
    closeUnusedWith(server)
    const after = await accepted(t, server)
    await new Promise((resolve) => server.close(resolve))
    assert.deepEqual([await before.end(), await after.end()], ['', ''])
  })

  it('is closed when its server has closed before it came into care', async (t) => {
    const server = createServer(() => undefined)
    await listen(t, server)
    const wire = await accepted(t, server)
    const closed = once(server, 'close')
    server.close()
    closeUnusedWith(server)
    await closed
    assert.equal(await wire.end(), '')
  })

  it('is closed below TLS too, whether its handshake has passed or not', async (t) => {
    // A key that both sides know needs no certificate.
    const psk = Buffer.alloc(16, 1)
    const shared = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const
    const server = createSecureServer({ ...shared, pskCallback: () => psk }, () => undefined)
    closeUnusedWith(server)
    await listen(t, server)
    const silent = await accepted(t, server)
    const greeted = once(server, 'secureConnection')
    const pskCallback = (): { psk: Buffer; identity: string } => ({ psk, identity: 'test' })
    const secure = connectSecurely({
      ...shared,
      port: portOf(server),
      host: '127.0.0.1',
      pskCallback,
      checkServerIdentity: () => undefined,
    })
    t.after(() => secure.destroy())
    secure.on('error', () => undefined)
    await Promise.all([greeted, once(secure, 'secureConnect')])
    const gone = once(secure, 'close')
    await new Promise((resolve) => server.close(resolve))
    assert.equal(await silent.end(), '')
    await gone
  })

  it('stays open while its server does', async (t) => {
    const server = createServer((_, res) => res.end('x'))
    closeUnusedWith(server)
    await listen(t, server)
    const wire = await accepted(t, server)
    assert.equal((await wire.get('/').answer()).body, 'x')
  })

  it('is left alone when its server speaks another protocol', async (t) => {
    const server = createPlainServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closeUnusedWith(server)
    const arrived = once(server, 'connection') as Promise<[Socket]>
    const client = connect(portOf(server), '127.0.0.1')
    t.after(() => client.destroy())
    const [socket] = await arrived
    server.close()
    socket.end('hello')
    const [greeting] = (await once(client, 'data')) as [Buffer]
    assert.equal(String(greeting), 'hello')
  })

  it('is forgotten when it closes', async (t) => {
    const server = createServer(() => undefined)
    await listen(t, server)
    const sockets: Socket[] = []
    const accept = (message: unknown): void => void sockets.push((message as { socket: Socket }).socket)
    subscribe('net.server.socket', accept)
    t.after(() => unsubscribe('net.server.socket', accept))
    const wire = await accepted(t, server)
    const connections = Reflect.get(server, Symbol.for('afterword.connections.1')) as ReadonlySet<Socket>
    assert.deepEqual([...connections], sockets)
    const closed = once(sockets[0]!, 'close')
    wire.socket.destroy()
    await closed
    assert.equal(connections.size, 0)
  })
})

describe('a server in care', () => {
  it('closes as it would without: its callback is called, with the error when it does not listen', async () => {
    const server = createServer()
    closeUnusedWith(server)
    closeUnusedWith(server)
    const error = await new Promise((resolve) => assert.equal(server.close(resolve), server))
    assert.equal((error as NodeJS.ErrnoException).code, 'ERR_SERVER_NOT_RUNNING')
  })
})
