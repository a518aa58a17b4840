/** When a worker is taken for dead, seen from another one: a process that is gone at once, a silent one after its lease. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EventHub } from '../../src/engine/event-hub.ts'
import { NO_PRESENCE } from '../../src/engine/no-presence.ts'
import { Rescuer } from '../../src/engine/rescuer.ts'
import type { WorkerRecord } from '../../src/model/task.ts'
import type { Store } from '../../src/ports/store.ts'
import { FakeClock, turn } from '../support/fake-clock.ts'

const SELF = 1
const LEASE_MS = 10_000
const record = (incarnation: number, leaseMs: number | undefined = LEASE_MS): WorkerRecord => ({
  incarnation,
  name: `worker ${incarnation}`,
  pid: incarnation,
  host: 'here',
  version: '0',
  runtime: undefined,
  beat: 0,
  queues: [],
  definitions: [],
  registeredAt: 0,
  leaseMs,
})

/** A rescuer among workers of which the test says who beats, and whose process is gone. */
function scene(...others: number[]) {
  const clock = new FakeClock()
  const workers = new Map([SELF, ...others].map((incarnation) => [incarnation, record(incarnation)]))
  const probes = new Map<number, 'dead' | 'alive' | 'unknown'>()
  const [rescued, buried, looks]: [number[], number[], number[]] = [[], [], []]
  const errors: unknown[] = []
  const store = {
    workers: () => {
      looks.push(clock.monotonicMs())
      return Promise.resolve([...workers.values()])
    },
    rescue: (dead: number) => {
      workers.delete(dead)
      rescued.push(dead)
      return Promise.resolve({ requeued: [], quarantined: [], ready: new Set<string>() })
    },
  }
  const hub = new EventHub(() => undefined)
  hub.on('store:error', ({ error }) => errors.push(error))
  const rescuer = new Rescuer({
    store: store as unknown as Store,
    clock,
    hub,
    leaseMs: LEASE_MS,
    self: () => SELF,
    presence: () => ({
      ...NO_PRESENCE,
      probe: (peer) => probes.get(peer) ?? 'unknown',
      bury: (peer) => void buried.push(peer),
    }),
    rescued: () => undefined,
  })
  /** Sweeps each second for so long, while these beat. */
  const pass = async (ms: number, ...beating: number[]): Promise<void> => {
    for (let left = ms; left > 0; left -= 1_000) {
      clock.freeze(1_000)
      for (const peer of beating) {
        const worker = workers.get(peer)
        if (worker !== undefined) workers.set(peer, { ...worker, beat: worker.beat + 1 })
      }
      await rescuer.sweep()
    }
  }
  return { clock, store, workers, rescuer, probes, rescued, buried, looks, errors, pass }
}

describe('a worker', () => {
  test('whose process is gone is rescued at the next sweep, and what it left is removed', async () => {
    const { rescuer, probes, rescued, buried } = scene(2, 3)
    probes.set(2, 'dead')
    await rescuer.sweep()
    assert.deepEqual([rescued, buried], [[2], [2]])
  })

  test('whose connection broke is rescued at once when its process is gone', async () => {
    const { rescuer, probes, rescued } = scene(2, 3)
    probes.set(2, 'dead').set(3, 'alive')
    await rescuer.look(2)
    await rescuer.look(3)
    assert.deepEqual(rescued, [2])
  })

  test('that beats lives, however long', async () => {
    const { rescued, pass } = scene(2)
    await pass(100_000, 2)
    assert.deepEqual(rescued, [])
  })

  test('that falls silent is rescued when its lease has passed, and no sooner', async () => {
    const { rescued, pass } = scene(2)
    await pass(5_000, 2)
    await pass(LEASE_MS)
    assert.deepEqual(rescued, [])
    await pass(1_000)
    assert.deepEqual(rescued, [2])
  })

  test('is judged by its own lease, shorter or longer than that of whoever observes it', async () => {
    const { rescued, pass, workers } = scene(2, 3, 4, 5, 6)
    workers.set(2, record(2, 3_000)).set(3, record(3, 60_000))
    await pass(1_000)
    await pass(3_000, 4, 5, 6)
    assert.deepEqual(rescued, [])
    await pass(1_000, 4, 5, 6)
    assert.deepEqual(rescued, [2])
    await pass(56_000, 4, 5, 6)
    assert.deepEqual(rescued, [2])
    await pass(1_000, 4, 5, 6)
    assert.deepEqual(rescued, [2, 3])
  })

  test('whose release did not say is judged by the lease of whoever observes it', async () => {
    const { rescued, pass, workers } = scene(2)
    workers.set(2, { ...record(2), leaseMs: undefined })
    await pass(1_000 + LEASE_MS)
    assert.deepEqual(rescued, [])
    await pass(1_000)
    assert.deepEqual(rescued, [2])
  })

  test('of a lease shorter than two sweeps is rescued too', async () => {
    const { rescued, pass, workers } = scene(2)
    workers.set(2, record(2, 1_000))
    await pass(2_000)
    assert.deepEqual(rescued, [])
    await pass(1_000)
    assert.deepEqual(rescued, [2])
  })

  test('of a shorter lease has a whole one before it after a sleep of this process that is long for it', async () => {
    const { rescued, pass, clock, workers } = scene(2)
    workers.set(2, record(2, 6_000))
    await pass(2_000)
    clock.freeze(4_000)
    await pass(6_000)
    assert.deepEqual(rescued, [])
    await pass(2_000)
    assert.deepEqual(rescued, [2])
  })

  test('that is silent is rescued although its process is there: it may be stopped', async () => {
    const { rescued, pass, probes } = scene(2)
    probes.set(2, 'alive')
    await pass(LEASE_MS + 2_000)
    assert.deepEqual(rescued, [2])
  })

  test('that beats again within its lease has a whole one before it', async () => {
    const { rescued, pass } = scene(2)
    await pass(LEASE_MS - 1_000)
    await pass(1_000, 2)
    await pass(LEASE_MS)
    assert.deepEqual(rescued, [])
  })

  test('is judged by time that this process saw itself: after a sleep of its own it begins anew', async () => {
    const { rescued, pass, clock } = scene(2)
    await pass(3_000)
    clock.freeze(100_000)
    await pass(LEASE_MS)
    assert.deepEqual(rescued, [])
    await pass(2_000)
    assert.deepEqual(rescued, [2])
  })

  test('is not killed by a wall clock that jumps', async () => {
    const { rescued, pass, clock } = scene(2)
    await pass(3_000, 2)
    clock.setWall(clock.now() + 86_400_000)
    await pass(3_000, 2)
    clock.setWall(0)
    await pass(3_000, 2)
    assert.deepEqual(rescued, [])
  })

  test('never rescues itself', async () => {
    const { rescued, pass, probes, rescuer } = scene()
    probes.set(SELF, 'dead')
    await pass(LEASE_MS * 3)
    await rescuer.look(SELF)
    assert.deepEqual(rescued, [])
  })
})

describe('many that fall silent at once', () => {
  test('are given another lease: it may be the store, or this machine', async () => {
    const { rescued, pass } = scene(2, 3, 4, 5)
    await pass(5_000, 2, 3, 4, 5)
    await pass(LEASE_MS + 5_000)
    assert.deepEqual(rescued, [])
    await pass(1_000, 2, 3, 4, 5)
    await pass(LEASE_MS)
    assert.deepEqual(rescued, [])
  })

  test('are rescued when they stay silent through that one too', async () => {
    const { rescued, pass } = scene(2, 3, 4, 5)
    await pass(LEASE_MS * 2 + 5_000)
    assert.deepEqual(rescued, [2, 3, 4, 5])
  })

  test('are few when most others beat: then they are rescued after one lease', async () => {
    const { rescued, pass } = scene(2, 3, 4, 5, 6, 7, 8)
    await pass(1_000)
    await pass(LEASE_MS + 1_000, 5, 6, 7, 8)
    assert.deepEqual(rescued, [2, 3, 4])
  })

  test('are few when they are two', async () => {
    const { rescued, pass } = scene(2, 3)
    await pass(LEASE_MS + 2_000)
    assert.deepEqual(rescued, [2, 3])
  })

  test('but whose processes are gone are dead without doubt', async () => {
    const { rescued, rescuer, probes } = scene(2, 3, 4, 5)
    for (const peer of [2, 3, 4, 5]) probes.set(peer, 'dead')
    await rescuer.sweep()
    assert.deepEqual(rescued, [2, 3, 4, 5])
  })
})

describe('a sweep', () => {
  test('is shared by those who ask for one while it is under way', async () => {
    const { rescuer, looks } = scene(2)
    await Promise.all([rescuer.sweep(), rescuer.sweep()])
    await rescuer.sweep()
    assert.equal(looks.length, 2)
  })

  test('that the store refuses is told of, and the next one looks again', async () => {
    const { rescuer, store, errors, rescued, probes } = scene(2)
    const { workers } = store
    const refused = new Error('busy')
    store.workers = () => Promise.reject(refused)
    await rescuer.sweep()
    await turn()
    store.workers = workers
    probes.set(2, 'dead')
    await rescuer.sweep()
    assert.deepEqual([errors, rescued], [[refused], [2]])
  })
})
