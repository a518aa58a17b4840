import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gateResponse, installGate } from '../../src/http/gate.ts'
import { HeldTasks } from './held-tasks.ts'
import { answer, portOf, serve, Wire } from './wire.ts'

describe('one gate per response', () => {
  it('serves several lists, and waits for all of them', async (t) => {
    const [one, two] = [new HeldTasks(), new HeldTasks()]
    const server = await serve(t, (_, res) => {
      gateResponse(res, one)
      gateResponse(res, two)
      gateResponse(res, one)
      res.end('x')
    })
    const wire = (await Wire.open(t, portOf(server))).get('/')
    await two.settled
    one.commit()
    await one.settled
    assert.equal(wire.text, '')
    two.commit()
    await wire.until(/x$/)
    await two.closed
    assert.deepEqual(
      [one.calls, two.calls],
      [
        ['settle 200', 'close'],
        ['settle 200', 'close'],
      ],
    )
  })

  it('is installed once, also by a second copy of the library', async (t) => {
    installGate()
    const end = Object.getOwnPropertyDescriptor(ServerResponse.prototype, 'end')
    const folder = mkdtempSync(join(tmpdir(), 'afterword-copy-'))
    t.after(() => rmSync(folder, { recursive: true }))
    cpSync(new URL('../../src/http/', import.meta.url), folder, { recursive: true })
    const copy = (await import(join(folder, 'gate.ts'))) as { installGate(): void; gateResponse: typeof gateResponse }
    copy.installGate()
    assert.deepEqual(Object.getOwnPropertyDescriptor(ServerResponse.prototype, 'end'), end)

    const [one, two] = [new HeldTasks(), new HeldTasks()]
    const server = await serve(t, (_, res) => {
      gateResponse(res, one)
      copy.gateResponse(res, two)
      res.end('x')
    })
    const wire = (await Wire.open(t, portOf(server))).get('/')
    await Promise.all([one.settled, two.settled])
    one.commit()
    two.commit()
    await wire.until(/x$/)
  })

  it('leaves responses without tasks alone', async (t) => {
    installGate()
    const server = await serve(t, (_, res) => void res.end('x'))
    const text = await answer(t, portOf(server), 'GET / HTTP/1.1', 'Host: x')
    assert.match(text, /x$/)
  })
})
