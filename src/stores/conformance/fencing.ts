import assert from 'node:assert/strict'
import { test } from './case.ts'
import { fail, ids, json, succeed } from './fixtures.ts'
import { ask, type World, type WorldWorker } from './world.ts'

/** A worker that lives, and that another one took for dead. */
async function declaredDead(world: World): Promise<WorldWorker> {
  const [worker, other] = [await world.worker(), await world.worker()]
  await other.store.rescue(worker.incarnation, world.now)
  return worker
}

/** A worker that was taken for dead, and lives. */
export const fencing = [
  test('a worker that was declared dead learns it from its next write, which claims nothing', async (world) => {
    const worker = await declaredDead(world)
    const task = world.task()
    await world.add(task)
    const { fenced, claimed, released } = await worker.write({ claim: ask() })
    assert.deepEqual({ fenced, claimed, released }, { fenced: true, claimed: undefined, released: [] })
    assert.deepEqual(await world.states(task), ['ready'])
  }),

  test('its adds are kept, for whoever is free', async (world) => {
    const worker = await declaredDead(world)
    const [first, second] = world.series(2, { claimFor: worker.incarnation })
    const { fenced, added, ready } = await worker.write({ adds: [first!, second!] })
    assert.equal(fenced, true)
    assert.deepEqual(added, [
      { kind: 'added', state: 'ready' },
      { kind: 'added', state: 'waiting' },
    ])
    assert.deepEqual([...ready], ['default'])
    assert.deepEqual(ids((await (await world.worker()).claim()).tasks), [first!.id])
  }),

  test('its outcomes and its progress change nothing', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const [one, two] = [await worker.run(), await worker.run()]
    await other.store.rescue(worker.incarnation, world.now)
    const { recorded, fenced } = await worker.write({
      outcomes: [succeed(one), fail(two)],
      progress: [{ id: one.id, claims: one.claims, value: json('late') }],
    })
    assert.deepEqual({ recorded, fenced }, { recorded: [false, false], fenced: true })
    assert.deepEqual(await world.states(one, two), ['ready', 'ready'])
    assert.equal((await world.find(one)).progress, undefined)
  }),

  test('it hands nothing back, and its beat says that it is gone', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const task = await worker.run()
    await other.store.rescue(worker.incarnation, world.now)
    assert.deepEqual(await worker.store.handBack(worker.incarnation, 'all', world.now), [])
    assert.deepEqual(await worker.store.handBack(worker.incarnation, [task], world.now), [])
    assert.equal((await world.find(task)).handBacks, 0)
    assert.equal(await worker.store.beat(worker.incarnation, world.now), false)
  }),

  test('it comes back as a new incarnation, and what it held then is still not its own', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const task = await worker.run()
    await other.store.rescue(worker.incarnation, world.now)
    const back = await world.worker()
    assert.notEqual(back.incarnation, worker.incarnation)
    assert.deepEqual(await back.finish(succeed(task)), [false])
    const { fenced } = await back.write({})
    assert.equal(fenced, false)
    assert.equal((await back.claimOne()).id, task.id)
  }),

  test('a worker that retired is fenced as well', async (world) => {
    const worker = await world.worker()
    await worker.store.retire(worker.incarnation)
    const { fenced, added } = await worker.write({ adds: [world.task({ claimFor: worker.incarnation })], claim: ask() })
    assert.deepEqual({ fenced, added }, { fenced: true, added: [{ kind: 'added', state: 'ready' }] })
  }),

  test('a write without a worker is fenced from nothing', async (world) => {
    const { fenced } = await world.write(world.store, undefined, { adds: [world.task()] })
    assert.equal(fenced, false)
  }),
] as const
