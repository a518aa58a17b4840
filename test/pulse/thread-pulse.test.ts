import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { StoreAddress } from '../../src/ports/store.ts'
import { systemClock } from '../../src/ports/system.ts'
import { type PulseParts, ThreadPulse } from '../../src/pulse/thread-pulse.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { databaseFile, fixedChance, gate } from '../support/bench.ts'

const nobody = { by: 'unknown', name: undefined, taskId: undefined, requestId: undefined } as const

function pulse(address: StoreAddress | undefined, listener: Partial<PulseParts['listener']> = {}): ThreadPulse {
  return new ThreadPulse({
    clock: systemClock,
    beatMs: 100,
    limitMs: 100,
    stuckMs: 60_000,
    listener: {
      began() {},
      beaten() {},
      fenced() {},
      failed: (error) => assert.fail(String(error)),
      ...listener,
    },
    address: () => address,
    isBusy: () => false,
    who: () => nobody,
    blocks: { report() {}, counted() {} },
  })
}

async function storeWithWorker(t: TestContext) {
  const store = new SqliteStore(databaseFile(t), { clock: systemClock, chance: fixedChance(0) })
  await store.open()
  t.after(() => store.close())
  const worker = await store.register({
    name: 'worker',
    pid: process.pid,
    host: 'here',
    version: '0.0.0',
    runtime: process.version,
    queues: ['default'],
    definitions: [],
    registeredAt: 0,
    leaseMs: 20_000,
  })
  return { store, worker }
}

test('a pulse beats for its worker on a connection of its own, and says when others have declared it dead', async (t) => {
  const { store, worker } = await storeWithWorker(t)
  const fenced = gate<number>()
  const made = pulse(store.address, { fenced: (dead) => fenced.open(dead) })
  t.after(() => made.stop())
  made.keep(worker)
  made.start()
  const beat = async () => (await store.workers())[0]!.beat
  const first = await beat()
  while ((await beat()) < first + 2) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(made.keepsLease, true)
  await store.rescue(worker, 0)
  assert.equal(await fenced.opened, worker)
})

test('a pulse whose store cannot be opened says so, and leaves the lease to the loop', async () => {
  const failed = gate<unknown>()
  const made = pulse(
    { module: 'data:text/javascript,throw new Error("no such store")', data: undefined },
    { failed: failed.open },
  )
  made.start()
  assert.match(String(await failed.opened), /no such store/)
  assert.equal(made.keepsLease, false)
  await made.stop()
})

test('a pulse that was stopped has let go of the store: the last connection closes it', async (t) => {
  const { store, worker } = await storeWithWorker(t)
  const began = gate()
  const made = pulse(store.address, { began: () => began.open() })
  made.keep(worker)
  made.start()
  await began.opened
  await made.stop()
  assert.equal(made.keepsLease, false)
  await store.retire(worker)
})

test('a pulse that is stopped before its thread was there starts none', async () => {
  const made = pulse(undefined, { began: () => assert.fail() })
  made.start()
  await made.stop()
})
