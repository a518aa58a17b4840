import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, test } from 'node:test'
import { EventHub } from '../../src/engine/event-hub.ts'

const EVENT = { worker: 7, store: 'memory:' }

/** A hub and what it reports of broken listeners. */
function hub() {
  const reported: [name: string, error: unknown][] = []
  return { hub: new EventHub((name, error) => void reported.push([name, error])), reported }
}

describe('an event hub', () => {
  test('calls the listeners of a name in the order in which they came', () => {
    const heard: string[] = []
    const { hub: events } = hub()
    events.on('worker:registered', (event) => heard.push(`first ${event.worker}`))
    events.on('worker:registered', () => heard.push('second'))
    events.on('stopped', () => heard.push('another name'))
    events.emit('worker:registered', EVENT)
    assert.deepEqual(heard, ['first 7', 'second'])
  })

  test('lets one function listen twice, and each stop by itself', () => {
    let calls = 0
    const listener = (): number => calls++
    const { hub: events } = hub()
    const off = events.on('worker:registered', listener)
    events.on('worker:registered', listener)
    off()
    off()
    events.emit('worker:registered', EVENT)
    assert.equal(calls, 1)
  })

  test('lets a listener stop itself while it is called', () => {
    let calls = 0
    const { hub: events } = hub()
    const off = events.on('worker:registered', () => {
      calls++
      off()
    })
    for (let i = 0; i < 2; i++) events.emit('worker:registered', EVENT)
    assert.equal(calls, 1)
  })

  test('knows whether anybody would hear: a listener, or a subscriber of the channel', (t) => {
    const { hub: events } = hub()
    assert.equal(events.heard('task:added'), false)
    const off = events.on('task:added', () => undefined)
    assert.equal(events.heard('task:added'), true)
    off()
    assert.equal(events.heard('task:added'), false)
    const subscriber = (): void => undefined
    subscribe('afterword:task:added', subscriber)
    t.after(() => unsubscribe('afterword:task:added', subscriber))
    assert.equal(events.heard('task:added'), true)
  })

  test('publishes to the channel afterword:<name>', (t) => {
    const heard: unknown[] = []
    const subscriber = (message: unknown): void => void heard.push(message)
    subscribe('afterword:worker:registered', subscriber)
    t.after(() => unsubscribe('afterword:worker:registered', subscriber))
    hub().hub.emit('worker:registered', EVENT)
    assert.deepEqual(heard, [EVENT])
  })

  test('reports a listener that throws, and goes on with the next', () => {
    const error = new Error('broken')
    let heard = false
    const { hub: events, reported } = hub()
    events.on('worker:registered', () => {
      throw error
    })
    events.on('worker:registered', () => void (heard = true))
    events.emit('worker:registered', EVENT)
    assert.deepEqual([reported, heard], [[['worker:registered', error]], true])
  })

  test('goes on when even the report throws', () => {
    const broken = (): never => {
      throw new Error('broken')
    }
    const events = new EventHub(broken)
    let heard = false
    events.on('worker:registered', broken)
    events.on('worker:registered', () => void (heard = true))
    events.emit('worker:registered', EVENT)
    assert.equal(heard, true)
  })
})
