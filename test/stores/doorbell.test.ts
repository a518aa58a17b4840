/**
 * Goal: what goes over the wire, byte by byte. Method: the other end is a bare socket that speaks the protocol by hand,
 * and the clock's `soon` is held back until the test says that the turn is over.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { Doorbell } from '../../src/stores/sqlite/doorbell.ts'
import { temporaryFolder } from './sandbox.ts'

const BOUNDED = { timeout: 30_000 }
const RING = 'r'
const BYE = 'b'

/** A turn that ends when the test says so. */
class HeldTurn {
  readonly #callbacks: (() => void)[] = []
  readonly #waiting: (() => void)[] = []

  soon(callback: () => void): void {
    this.#callbacks.push(callback)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Resolves when something waits for the end of the turn. */
  async wanted(): Promise<void> {
    if (this.#callbacks.length > 0) return
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  /** @returns how many callbacks had waited for it. */
  end(): number {
    const due = this.#callbacks.splice(0)
    for (const callback of due) callback()
    return due.length
  }
}

/** A doorbell of incarnation 1 that listens, and what it reported. */
async function bench(t: TestContext) {
  const folder = temporaryFolder(t)
  const turn = new HeldTurn()
  const told: string[] = []
  const doorbell = new Doorbell({
    self: 1,
    address: (incarnation) => join(folder, `${incarnation}.sock`),
    clock: turn,
    onRing: () => told.push('rang'),
    onGone: (peer) => told.push(`gone ${peer}`),
    onTrouble: (what, error) => told.push(`trouble: ${what}: ${String(error)}`),
  })
  t.after(() => doorbell.close())
  await doorbell.listen()
  return { doorbell, turn, told, address: join(folder, '1.sock') }
}

/** A caller by hand, with everything it has been sent. */
function call(t: TestContext, address: string, hello: string): { socket: Socket; said: Promise<string> } {
  const socket = connect(address)
  t.after(() => socket.destroy())
  let all = ''
  socket.on('data', (bytes) => (all += String(bytes)))
  // A door that closes while we talk is an error to a socket; to a test it is the end like any other.
  socket.on('error', () => {})
  const said = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(all))
  })
  if (hello !== '') socket.write(hello)
  return { socket, said }
}

describe('the doorbell', BOUNDED, () => {
  test('turns any number of rings of one turn into one byte, sent at its end', async (t) => {
    const { doorbell, turn, address } = await bench(t)
    const caller = call(t, address, 'afterword/1 2\n')
    // The ring that goes with every new connection.
    await turn.wanted()
    for (let i = 0; i < 10_000; i++) doorbell.ring()
    doorbell.ringOne(2)
    assert.equal(turn.end(), 1)
    await doorbell.close()
    assert.equal(await caller.said, RING + BYE)
  })

  test('sends ringOne to the one who is meant, and to nobody else', async (t) => {
    const { doorbell, turn, address } = await bench(t)
    const callers = []
    for (const peer of [2, 3]) {
      callers.push(call(t, address, `afterword/1 ${peer}\n`))
      await turn.wanted()
      turn.end()
    }
    // A write reports its end a turn of the real loop later; only then the next ring may leave.
    await new Promise(setImmediate)
    doorbell.ringOne(3)
    turn.end()
    await doorbell.close()
    assert.deepEqual(await Promise.all(callers.map((caller) => caller.said)), [RING + BYE, RING + RING + BYE])
  })

  test('tells its owner once per turn, however many ring however often', async (t) => {
    const { turn, told, address } = await bench(t)
    const callers = [2, 3, 4].map((peer) => call(t, address, `afterword/1 ${peer}\n${RING.repeat(5_000)}`))
    // Their end is answered only after all that they sent was read.
    for (const { socket } of callers) socket.end(BYE)
    await Promise.all(callers.map(({ said }) => said))
    turn.end()
    assert.deepEqual(told, ['rang'])
  })

  test('tells of a peer as gone when its connection breaks without a goodbye', async (t) => {
    const { turn, told, address } = await bench(t)
    const caller = call(t, address, 'afterword/1 2\n')
    await turn.wanted()
    caller.socket.end()
    await caller.said
    assert.deepEqual(told, ['gone 2'])
  })

  test('tells of nobody as gone while another connection to the same peer is there', async (t) => {
    const { turn, told, address } = await bench(t)
    const callers = []
    for (let i = 0; i < 2; i++) {
      callers.push(call(t, address, 'afterword/1 2\n'))
      await turn.wanted()
      turn.end()
    }
    for (const caller of callers) {
      assert.deepEqual(told, [])
      caller.socket.end()
      await caller.said
    }
    assert.deepEqual(told, ['gone 2'])
  })

  test('understands a greeting that comes in pieces', async (t) => {
    const { turn, told, address } = await bench(t)
    const caller = call(t, address, '')
    for (const piece of 'afterword/1 2') {
      caller.socket.write(piece)
      await new Promise(setImmediate)
    }
    caller.socket.write(`\n${RING}`)
    await turn.wanted()
    turn.end()
    assert.deepEqual(told, ['rang'])
  })

  for (const [what, hello] of [
    ['another protocol', 'GET / HTTP/1.1\n'],
    ['another version', 'afterword/2 2\n'],
    ['no end', 'x'.repeat(1_000_000)],
    ['a number that is too long', 'afterword/1 1234567890123456\n'],
  ] as const) {
    test(`closes the connection on a greeting with ${what}, and tells of nobody as gone`, async (t) => {
      const { told, address } = await bench(t)
      await call(t, address, hello).said
      assert.equal(told.length, 1)
      assert.match(told[0] ?? '', /^trouble: greeting of a caller/)
    })
  }

  test('passes over a peer that nobody answers for', async (t) => {
    const { doorbell, turn, told } = await bench(t)
    await doorbell.dial(7)
    doorbell.ringOne(7)
    turn.end()
    await doorbell.dial(7)
    assert.deepEqual(
      told.map((line) => line.slice(0, 24)),
      Array<string>(3).fill('trouble: connection to 7'),
    )
  })

  test('is silent after it closed, and closes twice', async (t) => {
    const { doorbell, turn, told, address } = await bench(t)
    const caller = call(t, address, `afterword/1 2\n${RING}`)
    await turn.wanted()
    await doorbell.close()
    await doorbell.close()
    doorbell.ring()
    doorbell.ringOne(2)
    await doorbell.dial(2)
    turn.end()
    assert.equal(await caller.said, BYE)
    assert.deepEqual(told, [])
    await assert.rejects(once(connect(address), 'connect'), { code: 'ENOENT' })
  })

  test('takes the place of a socket file that a deleted database left behind', async (t) => {
    const { doorbell, address, turn } = await bench(t)
    const heir = new Doorbell({
      self: 1,
      address: () => address,
      clock: turn,
      onRing: () => {},
      onGone: () => {},
      onTrouble: () => {},
    })
    t.after(() => heir.close())
    await heir.listen()
    const caller = call(t, address, 'afterword/1 2\n')
    await turn.wanted()
    await doorbell.close()
    await heir.close()
    assert.equal(await caller.said, BYE)
  })
})
