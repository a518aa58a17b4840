import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { systemChance as chance, createIds, systemClock as clock } from '../../../src/ports/system.ts'
import { type Claim, fail, json, retry, succeed } from '../../../src/stores/conformance/fixtures.ts'
import { type Wish, World, type WorldWorker } from '../../../src/stores/conformance/world.ts'
import { homeKey, spareKey } from '../../../src/stores/sqlite/keys.ts'
import { SqliteStore } from '../../../src/stores/sqlite/sqlite-store.ts'
import { databaseFile } from '../../support/bench.ts'
import { openStoreOn, task, write } from './open.ts'

const EPOCH_MS = Date.UTC(2020, 0, 1)

/** A UUIDv7 of that moment with these 12 bits behind it; two that differ in their tails only have one home key. */
function uuid(ms: number, counter: number, tail = '8000-000000000000'): string {
  const hex = ms.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${tail}`
}

describe('the home key of an id', () => {
  test('is its milliseconds and the twelve bits behind them', () => {
    assert.equal(homeKey(uuid(EPOCH_MS, 0)), 0)
    assert.equal(homeKey(uuid(EPOCH_MS, 4_095)), 4_095)
    assert.equal(homeKey(uuid(EPOCH_MS + 1, 0)), 4_096)
    assert.equal(homeKey(uuid(EPOCH_MS + 2 ** 41 - 1, 4_095)), Number.MAX_SAFE_INTEGER)
  })

  test('grows with the ids of a process, and no two of them share one', () => {
    let now = EPOCH_MS
    const ids = createIds({ now: () => now })
    let last = -1
    for (let i = 0; i < 20_000; i++) {
      if (i % 7_000 === 0) now++
      const key = homeKey(ids.task())
      assert.ok(key !== undefined && key > last)
      last = key
    }
  })

  test('does not depend on the case of the digits', () => {
    const id = uuid(EPOCH_MS + 0xabcdef, 0xabc)
    assert.equal(homeKey(id.toUpperCase()), homeKey(id))
  })

  test('is missing where an id is none of ours', () => {
    const good = uuid(EPOCH_MS + 5, 1)
    const others = [
      '',
      'welcome:42',
      good.slice(1),
      `${good}0`,
      good.replace('-7', '-4'),
      `g${good.slice(1)}`,
      good.replaceAll('-', '_'),
      `${good.slice(0, 8)}_${good.slice(9)}`,
      `${good.slice(0, 13)}_${good.slice(14)}`,
      `${good.slice(0, 15)}xyz${good.slice(18)}`,
      uuid(EPOCH_MS - 1, 0),
      uuid(EPOCH_MS + 2 ** 41, 0),
      `${good.slice(0, 3)}é${good.slice(4)}`,
    ]
    for (const id of others) assert.equal(homeKey(id), undefined, id)
  })
})

describe('the spare key of an id', () => {
  test('is below zero, exact, and always the same', () => {
    const ids = ['', 'a', 'b', 'welcome:42', uuid(EPOCH_MS, 0), '👩🏽‍🚀', 'x'.repeat(200)]
    const keys = ids.map(spareKey)
    for (const key of keys) assert.ok(Number.isSafeInteger(key) && key < 0)
    assert.equal(new Set(keys).size, ids.length)
    assert.deepEqual(ids.map(spareKey), keys)
    // Written down, for these keys are in files.
    assert.equal(spareKey('welcome:42'), -1_943_133_657_220_181)
  })
})

describe('a row', () => {
  test('is at the home key of its id, or at the spare key where it has none or another one was there first', async (t) => {
    const file = databaseFile(t)
    const store = await openStoreOn(t, file)
    const [ours, twin] = [uuid(EPOCH_MS + 5, 7, '8000-000000000001'), uuid(EPOCH_MS + 5, 7, '8000-000000000002')]
    const own = { id: 'welcome:42', idempotent: true }
    const looksLikeOurs = { id: uuid(EPOCH_MS + 9, 1), idempotent: true }
    await write(store, { adds: [{ id: ours }, { id: twin }, own, looksLikeOurs].map((fields) => task(fields)) })
    await store.close()
    const db = new DatabaseSync(file)
    const rows = db.prepare('SELECT id, key FROM afterword_task').all()
    db.close()
    assert.deepEqual(Object.fromEntries(rows.map(({ id, key }) => [id, key])), {
      [ours]: homeKey(ours),
      [twin]: spareKey(twin),
      [own.id]: spareKey(own.id),
      [looksLikeOurs.id]: spareKey(looksLikeOurs.id),
    })
  })
})

describe('two ids with one home key', () => {
  const CAN = { shared: false, persistent: false }
  const inWorld = (body: (world: World) => Promise<void>) => (): Promise<void> =>
    World.use({ store: () => new SqliteStore(undefined, { clock, chance }), remove() {} }, CAN, body)
  const twins = (now: number): [string, string] => [
    uuid(now, 7, '8000-000000000001'),
    uuid(now, 7, '8000-000000000002'),
  ]
  const wish: Wish = { room: 5 }

  test(
    'are both stored, found, claimed and finished',
    inWorld(async (world) => {
      const [first, second] = twins(world.now)
      assert.equal(homeKey(first), homeKey(second))
      const worker = await world.worker()
      const added = { kind: 'added', state: 'ready' }
      const tasks = [world.task({ id: first, input: json(1) }), world.task({ id: second, input: json(2) })]
      assert.deepEqual(await world.add(...tasks), [added, added])
      assert.deepEqual((await world.find(second)).input, json(2))
      const { tasks: claimed } = await worker.claim(wish)
      const marks = claimed.map(({ id, claims }) => ({ id, claims, value: json(id) }))
      await worker.write({ progress: marks })
      assert.deepEqual(await worker.finish(succeed(claimed[0]!), fail(claimed[1]!)), [true, true])
      assert.deepEqual(await world.states({ id: first }, { id: second }), ['succeeded', 'failed'])
      assert.deepEqual((await world.find(second)).progress, json(second))
      assert.equal(await world.store.requeue(second, world.now), true)
      assert.equal((await worker.claimOne()).id, second)
    }),
  )

  const verbs: Readonly<Record<string, (world: World, worker: WorldWorker, claim: Claim) => Promise<unknown>>> = {
    'a success': (_, worker, claim) => worker.finish(succeed(claim)),
    'a success that is forgotten': (_, worker, claim) => worker.finish(succeed(claim, { forget: true })),
    'a retry': (world, worker, claim) => worker.finish(retry(claim, world.now)),
    'a retry that is cancelled': async (world, worker, claim) => {
      await world.store.cancel(claim.id, world.now)
      await worker.finish(retry(claim, world.now))
    },
    'a failure': (_, worker, claim) => worker.finish(fail(claim)),
    'a hand-back': (world, { store, incarnation }, claim) => store.handBack(incarnation, [claim], world.now),
    'a cancelled hand-back': async (world, { store, incarnation }, claim) => {
      await store.cancel(claim.id, world.now)
      await store.handBack(incarnation, [claim], world.now)
    },
    'a cancel of a running task': (world, { store }, claim) => store.cancel(claim.id, world.now),
    'a cancel of an idle task': async (world, { store, incarnation }, claim) => {
      await store.handBack(incarnation, 'all', world.now)
      await store.cancel(claim.id, world.now)
    },
    'a requeue': async (world, worker, claim) => {
      await worker.finish(fail(claim), fail({ ...claim, id: claim.id.replace(/2$/, '1') }))
      await worker.store.requeue(claim.id, world.now)
    },
    'a note of progress': (_, worker, claim) => worker.write({ progress: [{ ...claim, value: json(1) }] }),
    'a beginning': (_, worker, claim) => worker.write({ begun: [claim] }),
  }
  for (const [verb, act] of Object.entries(verbs)) {
    test(
      `are not mistaken for each other by ${verb}`,
      inWorld(async (world) => {
        const [first, second] = twins(world.now)
        const worker = await world.worker()
        await worker.run({ id: first, early: true })
        const { id, claims } = await worker.run({ id: second, early: true })
        const [before, twin] = [await world.find(first), await world.find(second)]
        await act(world, worker, { id, claims })
        const after = await world.find(first)
        const untouched = verb === 'a requeue' ? 'failed' : verb === 'a cancel of an idle task' ? 'ready' : 'running'
        assert.equal(after.state, untouched)
        if (untouched === 'running') assert.deepEqual(after, before)
        assert.notDeepEqual(await world.store.find(second), twin)
      }),
    )
  }

  test(
    'can be added again, handed back, cancelled, waited for and removed',
    inWorld(async (world) => {
      const [first, second] = twins(world.now)
      const worker = await world.worker()
      await worker.run({ id: first })
      const twin = await worker.run({ id: second })
      assert.deepEqual(await world.add(twin), [{ kind: 'exists', state: 'running' }])
      const behind = world.task({ after: second })
      assert.deepEqual(await world.add(behind), [{ kind: 'added', state: 'waiting' }])
      assert.deepEqual(await worker.store.handBack(worker.incarnation, [twin], world.now), [second])
      assert.deepEqual(await world.store.cancel(second, world.now), { kind: 'cancelled' })
      assert.deepEqual(await world.states({ id: first }, twin, behind), ['running', 'cancelled', 'ready'])
      world.pass(10)
      const retention = { succeeded: 0, failed: 0, cancelled: 0, quarantined: 0 }
      assert.deepEqual(await world.store.prune(retention, world.now, 100), { removed: 1, done: true })
      assert.equal(await world.store.find(second), undefined)
      assert.deepEqual(await world.states({ id: first }), ['running'])
    }),
  )
})
