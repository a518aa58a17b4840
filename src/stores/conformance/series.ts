import assert from 'node:assert/strict'
import type { NewTask, Outcome } from '../../model/task.ts'
import { test } from './case.ts'
import { cancelled, type Claim, fail, ids, pick, retry, succeed } from './fixtures.ts'
import { ask, type World, type WorldWorker } from './world.ts'

/** A series whose first task runs. */
async function running(world: World, worker: WorldWorker, length: number): Promise<[Claim, ...NewTask[]]> {
  const [first, ...others] = world.series(length, { claimFor: worker.incarnation }) as [NewTask, ...NewTask[]]
  await worker.write({ adds: [first, ...others] })
  return [{ id: first.id, claims: 1 }, ...others]
}

/** Removes whatever is not needed any more. */
function prune(world: World): ReturnType<World['store']['prune']> {
  return world.store.prune({ succeeded: 0, failed: 0, cancelled: 0, quarantined: 0 }, world.now, 1_000)
}

const ENDS: Readonly<Record<string, (claim: Claim) => Outcome>> = {
  'a success': (claim) => succeed(claim),
  'a success that is forgotten': (claim) => succeed(claim, { forget: true }),
  'an error that is retried': (claim) => retry(claim, Date.UTC(2030, 0, 1)),
  'an error for good': fail,
  'a heeded cancel': cancelled,
}

/** Tasks of one response run one after another, in the order in which they were added. */
export const series = [
  ...Object.entries(ENDS).map(([end, outcome]) =>
    test(`release: a waiting task is ready when the first attempt before it ends in ${end}`, async (world) => {
      const worker = await world.worker()
      const [first, second, third] = await running(world, worker, 3)
      const { ready, released } = await worker.write({ outcomes: [outcome(first)] })
      assert.deepEqual([...ready], ['default'])
      assert.deepEqual(released, [])
      assert.deepEqual(await world.states(second!, third!), ['ready', 'waiting'])
    }),
  ),

  test('a worker with room gets the next of the series in the write that records the one before', async (world) => {
    const worker = await world.worker()
    const [first, second, third] = await running(world, worker, 3)
    const { released, ready, claimed } = await worker.write({ outcomes: [succeed(first)], claim: ask({ room: 2 }) })
    const [next] = released
    assert.deepEqual(ids(released), [second!.id])
    assert.deepEqual(pick(next!, 'claims', 'name', 'series', 'input'), {
      claims: 1,
      name: 'work',
      series: first.id,
      input: second!.input,
    })
    assert.deepEqual([...ready], [])
    assert.deepEqual(claimed?.tasks, [])
    assert.deepEqual(pick(await world.find(second!), 'state', 'worker'), {
      state: 'running',
      worker: worker.incarnation,
    })
    assert.deepEqual(await worker.finish(succeed(next!)), [true])
    assert.deepEqual(await world.states(third!), ['ready'])
  }),

  test('what is released takes a place of the room', async (world) => {
    const worker = await world.worker()
    const [first, second] = await running(world, worker, 2)
    const urgent = world.task({ priority: 9 })
    await world.add(urgent)
    const { released, claimed } = await worker.write({ outcomes: [succeed(first)], claim: ask({ room: 1 }) })
    assert.deepEqual(ids(released), [second!.id])
    assert.deepEqual(ids(claimed?.tasks ?? []), [])
    assert.deepEqual(await world.states(urgent), ['ready'])
  }),

  test('what is released while no place is free is claimed ahead of its turn', async (world) => {
    const worker = await world.worker()
    for (const places of [1, 0]) {
      const [first] = await running(world, worker, 2)
      const wish = { room: new Map([['default', 2]]), early: new Map([['default', 2 - places]]), probation: true }
      const { released } = await worker.write({ outcomes: [succeed(first)], claim: wish })
      assert.deepEqual(
        released.map(({ early }) => early),
        [places === 0],
      )
    }
  }),

  test('a worker without room for the queue of the next one, or that does not know it, leaves it to others', async (world) => {
    const worker = await world.worker()
    for (const fields of [{ queue: 'mail' }, { name: 'strange' }]) {
      const [first, second] = world.series(2, { claimFor: worker.incarnation }) as [NewTask, NewTask]
      await worker.write({ adds: [first, { ...second, ...fields }] })
      const written = await worker.write({ outcomes: [succeed({ id: first.id, claims: 1 })], claim: ask() })
      assert.deepEqual(written.released, [])
      assert.deepEqual([...written.ready], [fields.queue ?? 'default'])
      assert.deepEqual(await world.states(second), ['ready'])
    }
  }),

  test('a pause holds the next one of a series too', async (world) => {
    const worker = await world.worker()
    const [first, second] = await running(world, worker, 2)
    await world.store.pause('default', true)
    const { released } = await worker.write({ outcomes: [succeed(first)], claim: ask() })
    assert.deepEqual(released, [])
    assert.deepEqual(await world.states(second!), ['ready'])
  }),

  test('a second attempt releases nothing and holds nobody back', async (world) => {
    const worker = await world.worker()
    const [first] = await running(world, worker, 1)
    await worker.finish(retry(first, world.now))
    const late = world.task({ after: first.id })
    assert.deepEqual(await world.add(late), [{ kind: 'added', state: 'ready' }])
    const again = (await worker.claim()).tasks.find((task) => task.id === first.id)!
    const { released, recorded } = await worker.write({ outcomes: [fail(again)], claim: ask() })
    assert.deepEqual({ released, recorded }, { released: [], recorded: [true] })
  }),

  test('a crash does not end an attempt: the next one still waits', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const [, second] = await running(world, worker, 2)
    await other.store.rescue(worker.incarnation, world.now)
    assert.deepEqual(await world.states(second!), ['waiting'])
  }),

  test('a hand-back does not end an attempt: the next one still waits', async (world) => {
    const worker = await world.worker()
    const [, second] = await running(world, worker, 2)
    await worker.store.handBack(worker.incarnation, 'all', world.now)
    assert.deepEqual(await world.states(second!), ['waiting'])
  }),

  test('a stale outcome releases nothing', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const [first, second] = await running(world, worker, 2)
    await other.store.rescue(worker.incarnation, world.now)
    const { recorded, released } = await worker.write({ outcomes: [succeed(first)], claim: ask() })
    assert.deepEqual({ recorded, released }, { recorded: [false], released: [] })
    assert.deepEqual(await world.states(second!), ['waiting'])
  }),

  test('a series keeps its order over the death of a worker', async (world) => {
    const [dying, other] = [await world.worker(), await world.worker()]
    const [first, ...rest] = await running(world, dying, 4)
    await dying.finish(succeed(first))
    const order = [first.id]
    const second = await dying.claimOne()
    await other.store.rescue(dying.incarnation, world.now)
    for (let task = await other.claimOne(); ; task = await other.claimOne()) {
      order.push(task.id)
      await other.finish(succeed(task))
      if (order.length === 4) break
    }
    assert.deepEqual(order, [first.id, ...ids(rest)])
    assert.equal(order[1], second.id)
  }),

  test('a series goes on behind a task that is quarantined', async (world) => {
    const [first, second] = world.series(2) as [NewTask, NewTask]
    await world.add(first, second)
    for (let crash = 1; crash <= 3; crash++) {
      const worker = await world.worker()
      await worker.beginOne()
      assert.deepEqual(await world.states(second), ['waiting'])
      await world.store.rescue(worker.incarnation, world.now)
    }
    assert.deepEqual(await world.states(first, second), ['quarantined', 'ready'])
  }),

  test('when one in the middle is cancelled, the next waits behind the one before', async (world) => {
    const worker = await world.worker()
    const [first, second, third, fourth] = await running(world, worker, 4)
    assert.deepEqual(await world.store.cancel(second!.id, world.now), { kind: 'cancelled' })
    assert.deepEqual(await world.store.cancel(third!.id, world.now), { kind: 'cancelled' })
    assert.deepEqual(await world.states(first, fourth!), ['running', 'waiting'])
    assert.deepEqual(await world.store.ahead(fourth!.id), [first.id])
    const { released } = await worker.write({ outcomes: [succeed(first)], claim: ask() })
    assert.deepEqual(ids(released), [fourth!.id])
  }),

  test('what is added behind one that was cancelled as it waited waits behind the one before', async (world) => {
    const worker = await world.worker()
    const [first, second] = await running(world, worker, 2)
    await world.store.cancel(second!.id, world.now)
    const late = world.task({ series: first.id, after: second!.id })
    await worker.write({ adds: [late] })
    assert.deepEqual(await world.states(first, late), ['running', 'waiting'])
    const { released } = await worker.write({ outcomes: [succeed(first)], claim: ask() })
    assert.deepEqual(ids(released), [late.id])
  }),

  test('what was cancelled as it waited is pruned only when the one before has passed: until then others come behind it', async (world) => {
    const worker = await world.worker()
    const [first, second, third] = await running(world, worker, 3)
    // The later one first: it stays behind the earlier one, which is cancelled too.
    for (const { id } of [third!, second!]) await world.store.cancel(id, world.now)
    assert.deepEqual(await prune(world), { removed: 0, done: true })
    const late = world.task({ series: first.id, after: third!.id })
    await worker.write({ adds: [late] })
    assert.deepEqual(await world.states(first, late), ['running', 'waiting'])
    assert.deepEqual(await world.store.ahead(late.id), [first.id])
    const { released } = await worker.write({ outcomes: [retry(first, world.now)], claim: ask() })
    assert.deepEqual(ids(released), [late.id])
    assert.deepEqual(await prune(world), { removed: 2, done: true })
  }),

  test('rejoin: a cancelled task whose turn has not come waits again, and what is added behind it keeps the order', async (world) => {
    const worker = await world.worker()
    const [first, second] = await running(world, worker, 2)
    await world.store.cancel(second!.id, world.now)
    assert.equal(await world.store.requeue(second!.id, world.now), true)
    assert.deepEqual(pick(await world.find(second!), 'state', 'after', 'finishedAt'), {
      state: 'waiting',
      after: first.id,
      finishedAt: undefined,
    })
    const late = world.task({ series: first.id, after: second!.id })
    await worker.write({ adds: [late] })
    assert.deepEqual(await world.store.ahead(late.id), [first.id, second!.id])
    const { released, live } = await worker.write({ outcomes: [succeed(first)], claim: ask() })
    assert.deepEqual({ released: ids(released), live }, { released: [second!.id], live: 2 })
    assert.deepEqual(await world.states(late), ['waiting'])
    assert.equal(await world.recount(), 2)
  }),

  test('what waited behind one that is cancelled does not wait for it when it comes back', async (world) => {
    const worker = await world.worker()
    const [first, second, third] = await running(world, worker, 3)
    await world.store.cancel(second!.id, world.now)
    await world.store.requeue(second!.id, world.now)
    const { released } = await worker.write({ outcomes: [succeed(first)], claim: ask() })
    assert.deepEqual(ids(released).sort(), ids([second!, third!]))
  }),

  test('a task that is brought back when its turn is over holds back nobody', async (world) => {
    const worker = await world.worker()
    const [first, second] = await running(world, worker, 2)
    await worker.finish(fail(first))
    await world.store.cancel(second!.id, world.now)
    for (const { id } of [first, second!]) await world.store.requeue(id, world.now)
    const late = world.task({ series: first.id, after: second!.id })
    await worker.write({ adds: [late] })
    assert.deepEqual(await world.states(first, second!, late), ['ready', 'ready', 'ready'])
  }),

  test('a task that was cancelled as it ran waits for nobody when it comes back, also not for a new task of the id before it', async (world) => {
    const worker = await world.worker()
    const first = world.task({ id: 'welcome:42', idempotent: true, claimFor: worker.incarnation })
    const second = world.task({ series: first.id, after: first.id })
    await worker.write({ adds: [first, second] })
    const outcomes = [succeed({ ...first, claims: 1 }, { forget: true })]
    const { released } = await worker.write({ outcomes, claim: ask() })
    await worker.finish(cancelled(released[0]!))
    await worker.write({ adds: [first] })
    assert.equal(await world.store.requeue(second.id, world.now), true)
    const late = world.task({ series: first.id, after: second.id })
    await worker.write({ adds: [late] })
    assert.deepEqual(await world.states(first, second, late), ['running', 'ready', 'ready'])
  }),

  test('when the first is cancelled before it ran, the next is ready', async (world) => {
    const [first, second] = world.series(2) as [NewTask, NewTask]
    await world.add(first, second)
    await world.store.cancel(first.id, world.now)
    assert.deepEqual(await world.states(first, second), ['cancelled', 'ready'])
  }),

  test('when the last is cancelled, the others go their way', async (world) => {
    const worker = await world.worker()
    const [first, second] = await running(world, worker, 2)
    await world.store.cancel(second!.id, world.now)
    const { released, live } = await worker.write({ outcomes: [succeed(first)], claim: ask() })
    assert.deepEqual({ released, live }, { released: [], live: 0 })
  }),

  test('ahead names the tasks that hold one back, the oldest first', async (world) => {
    const worker = await world.worker()
    const [first, second, third] = await running(world, worker, 3)
    assert.deepEqual(await world.store.ahead(third!.id), [first.id, second!.id])
    assert.deepEqual(await world.store.ahead(second!.id), [first.id])
    assert.deepEqual(await world.store.ahead(first.id), [])
    await worker.finish(succeed(first))
    assert.deepEqual(await world.store.ahead(third!.id), [second!.id])
    assert.deepEqual(await world.store.ahead(second!.id), [])
    assert.deepEqual(await world.store.ahead(world.task().id), [])
  }),

  test('an id that was there already is no link: the next waits behind the one before it', async (world) => {
    const worker = await world.worker()
    const own = world.task({ id: 'own', idempotent: true })
    await world.add(own)
    await worker.finish(succeed(await worker.claimOne()))
    const [first, second, third, fourth] = world.series(4, { claimFor: worker.incarnation })
    const there = { ...own, series: first!.id }
    const adds = [first!, second!, { ...there, after: second!.id }, { ...third!, after: own.id }, fourth!]
    const { added } = await worker.write({ adds })
    assert.deepEqual(
      added.map(({ kind }) => kind),
      ['added', 'added', 'exists', 'added', 'added'],
    )
    assert.deepEqual(await world.states(first!, second!, third!, fourth!), ['running', 'waiting', 'waiting', 'waiting'])
    assert.deepEqual(await world.store.ahead(fourth!.id), [first!.id, second!.id, third!.id])
  }),

  test('an id of the series that is wanted once more as another task stays a link of it', async (world) => {
    const worker = await world.worker()
    const [first, own, last] = world.series(3)
    const link = { ...own!, id: 'own', idempotent: true }
    const adds = [first!, link, { ...link, name: 'other', after: link.id }, { ...last!, after: link.id }]
    const { added } = await worker.write({ adds })
    assert.deepEqual(
      added.map(({ kind }) => kind),
      ['added', 'added', 'taken', 'added'],
    )
    assert.deepEqual(await world.store.ahead(last!.id), [first!.id, link.id])
  }),

  test('an id that another series wants, too, stays a link of its own', async (world) => {
    const worker = await world.worker()
    const [first, own] = world.series(2)
    const link = { ...own!, id: 'own', idempotent: true }
    await worker.write({ adds: [first!, link] })
    for (const name of [link.name, 'other']) {
      const [stranger, behind] = world.series(2)
      const wants = { ...link, name, series: stranger!.id, after: stranger!.id }
      const late = world.task({ series: first!.id, after: link.id })
      await worker.write({ adds: [stranger!, wants, late, { ...behind!, after: link.id }] })
      assert.deepEqual(await world.store.ahead(late.id), [first!.id, link.id])
      assert.deepEqual(await world.store.ahead(behind!.id), [stranger!.id])
    }
  }),

  test('two tasks behind the same one are released together', async (world) => {
    const worker = await world.worker()
    const first = await worker.run()
    const followers = [world.task({ after: first.id }), world.task({ after: first.id })]
    await world.add(...followers)
    await worker.finish(succeed(first))
    assert.deepEqual(await world.states(...followers), ['ready', 'ready'])
  }),

  test('a whole response of one write runs through one worker, each task in the write that ends the one before', async (world) => {
    const worker = await world.worker()
    const [first, ...rest] = await running(world, worker, 6)
    const order: string[] = []
    for (let claim: Claim | undefined = first; claim !== undefined;) {
      order.push(claim.id)
      const { released }: { released: readonly Claim[] } = await worker.write({
        outcomes: [succeed(claim)],
        claim: ask({ room: 1 }),
      })
      claim = released[0]
    }
    assert.deepEqual(order, [first.id, ...ids(rest)])
    assert.equal(await world.recount(), 0)
  }),
] as const
