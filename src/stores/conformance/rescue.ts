import assert from 'node:assert/strict'
import { attemptNumber, type ClaimedTask, type NewTask } from '../../model/task.ts'
import { test } from './case.ts'
import { ids, pick, retry, succeed, versioned } from './fixtures.ts'
import type { World } from './world.ts'

/** Lets `times` workers die while they hold the task, which is the only one to claim. */
export async function crash(world: World, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const dying = await world.worker()
    await dying.beginOne()
    await world.store.rescue(dying.incarnation, world.now)
  }
}

/** Tasks that two workers each died with, the oldest first. */
async function onProbation(world: World, count: number, fields: Partial<NewTask> = {}): Promise<NewTask[]> {
  const tasks: NewTask[] = []
  for (let i = 0; i < count; i++) {
    const task = world.task(fields)
    tasks.push(task)
    for (let crash = 1; crash <= 2; crash++) {
      const dying = await world.worker({ definitions: versioned(task.name) })
      if (crash === 1) await dying.write({ adds: [{ ...task, claimFor: dying.incarnation }] })
      else assert.equal((await dying.beginOne({ room: { [task.queue]: 1 }, probation: false })).id, task.id)
      await world.store.rescue(dying.incarnation, world.now)
    }
  }
  return tasks
}

/** What becomes of the claims of a worker that died. */
export const rescue = [
  test('rescue: the running tasks of a dead worker become ready, and each counts the crash', async (world) => {
    const [dying, other] = [await world.worker(), await world.worker()]
    const tasks = [await dying.run(), await dying.run({ queue: 'mail' })] as const
    const { requeued, quarantined, ready } = await other.store.rescue(dying.incarnation, world.now)
    assert.deepEqual([...requeued].sort(), ids(tasks))
    assert.deepEqual(quarantined, [])
    assert.deepEqual([...ready].sort(), ['default', 'mail'])
    assert.deepEqual(pick(await world.find(tasks[0]), 'state', 'worker', 'crashes', 'claims'), {
      state: 'ready',
      worker: undefined,
      crashes: 1,
      claims: 1,
    })
    const again = await other.claimOne()
    assert.deepEqual({ crashes: again.crashes, claims: again.claims }, { crashes: 1, claims: 2 })
    assert.equal(attemptNumber(again), 2)
  }),

  test("a rescue touches nobody else's tasks", async (world) => {
    const [dying, other] = [await world.worker(), await world.worker()]
    const theirs = await other.run()
    const mine = await dying.run()
    const ended = await dying.run()
    await dying.finish(succeed(ended), retry(mine, world.now + 1_000))
    const ready = world.task()
    await world.add(ready)
    const rescued = await other.store.rescue(dying.incarnation, world.now)
    assert.deepEqual({ ...rescued, ready: [...rescued.ready] }, { requeued: [], quarantined: [], ready: [] })
    assert.deepEqual(await world.states(theirs, mine, ended, ready), ['running', 'scheduled', 'succeeded', 'ready'])
    assert.deepEqual(await other.finish(succeed(theirs)), [true])
  }),

  test('the second rescue of a worker finds nothing to do', async (world) => {
    const [dying, other] = [await world.worker(), await world.worker()]
    await dying.run()
    await other.store.rescue(dying.incarnation, world.now)
    const task = await other.claimOne()
    const { requeued, quarantined } = await world.store.rescue(dying.incarnation, world.now)
    assert.deepEqual({ requeued, quarantined }, { requeued: [], quarantined: [] })
    assert.deepEqual(pick(await world.find(task), 'state', 'crashes'), { state: 'running', crashes: 1 })
  }),

  test('two rescues at once give every claim back once', async (world) => {
    const [dying, one, two] = [await world.worker(), await world.worker(), await world.worker()]
    const tasks = await Promise.all(Array.from({ length: 12 }, () => dying.run()))
    const rescuers = [one, two, one, two]
    const rescued = await Promise.all(rescuers.map(({ store }) => store.rescue(dying.incarnation, world.now)))
    assert.deepEqual(rescued.flatMap(({ requeued }) => [...requeued]).sort(), ids(tasks).sort())
    for (const task of tasks) assert.equal((await world.find(task)).crashes, 1)
  }),

  test('a rescue of a worker that nobody registered, or that held nothing, does nothing', async (world) => {
    const idle = await world.worker()
    for (const incarnation of [idle.incarnation, idle.incarnation + 1_000]) {
      const { requeued, quarantined, ready } = await world.store.rescue(incarnation, world.now)
      assert.deepEqual({ requeued, quarantined, ready: ready.size }, { requeued: [], quarantined: [], ready: 0 })
    }
  }),

  test('after two crashes a task is claimed on probation only', async (world) => {
    const [task] = (await onProbation(world, 1)) as [NewTask]
    assert.deepEqual(pick(await world.find(task), 'state', 'crashes'), { state: 'ready', crashes: 2 })
    const worker = await world.worker()
    assert.deepEqual((await worker.claim({ probation: false })).tasks, [])
    assert.deepEqual(pick(await worker.claimOne({ probation: true }), 'id', 'claims', 'crashes'), {
      id: task.id,
      claims: 3,
      crashes: 2,
    })
  }),

  test('tasks on probation are claimed one at a time, the oldest first, whatever room there is', async (world) => {
    const tasks = await onProbation(world, 3)
    const others = [world.task({ queue: 'mail' }), world.task()]
    const more = await onProbation(world, 1, { queue: 'mail' })
    await world.add(...others)
    const worker = await world.worker()
    const { tasks: claimed } = await worker.claim({ room: { default: 9, mail: 9 } })
    assert.deepEqual(ids(claimed).sort(), ids([tasks[0]!, ...others]).sort())
    assert.deepEqual(await world.states(...tasks.slice(1), ...more), ['ready', 'ready', 'ready'])
  }),

  test('a task on probation is found in whichever of the queues it is', async (world) => {
    const [task] = (await onProbation(world, 1, { queue: 'mail' })) as [NewTask]
    const worker = await world.worker()
    assert.equal((await worker.claimOne({ room: { default: 2, mail: 2, reports: 2 } })).id, task.id)
  }),

  test('a task on probation takes no place that another could have', async (world) => {
    await onProbation(world, 1)
    const other = world.task({ priority: -5 })
    await world.add(other)
    const worker = await world.worker()
    assert.equal((await worker.claimOne({ room: 1 })).id, other.id)
  }),

  test('a task on probation that is asked for first comes before all others, ahead of its turn if need be', async (world) => {
    const [task, next] = (await onProbation(world, 2)) as [NewTask, NewTask]
    const others = [world.task({ priority: 5 }), world.task({ priority: 5 })]
    await world.add(...others)
    const worker = await world.worker()
    const full = { room: new Map([['default', 1]]), early: new Map([['default', 1]]), probation: 'first' } as const
    const { tasks: ahead } = (await worker.write({ claim: full })).claimed!
    assert.deepEqual(
      ahead.map(({ id, early }) => ({ id, early })),
      [{ id: task.id, early: true }],
    )
    const { tasks } = await worker.claim({ room: 3, probation: 'first' })
    assert.deepEqual(
      tasks.map(({ id, early }) => ({ id, early })),
      [...others.map(({ id }) => ({ id, early: false })), { id: next.id, early: true }],
    )
  }),

  test('a task on probation whose name the worker does not know, or whose queue is paused, is left alone', async (world) => {
    await onProbation(world, 1, { name: 'strange' })
    await onProbation(world, 1, { queue: 'paused' })
    await world.store.pause('paused', true)
    const worker = await world.worker()
    assert.deepEqual((await worker.claim({ room: { default: 9, paused: 9 } })).tasks, [])
  }),

  test('a task that passes its probation ends like any other', async (world) => {
    await onProbation(world, 1)
    const worker = await world.worker()
    const claim = await worker.claimOne()
    assert.deepEqual(await worker.finish(succeed(claim)), [true])
    assert.deepEqual(pick(await world.find(claim), 'state', 'crashes'), { state: 'succeeded', crashes: 2 })
  }),

  test('quarantine: a running task whose third worker dies becomes quarantined, with the evidence', async (world) => {
    const task = world.task()
    await world.add(task)
    await crash(world, 2)
    const dying = await world.worker()
    await dying.beginOne()
    world.pass(10)
    const { requeued, quarantined } = await world.store.rescue(dying.incarnation, world.now)
    assert.deepEqual({ requeued, quarantined }, { requeued: [], quarantined: [task.id] })
    const record = await world.find(task)
    assert.deepEqual(pick(record, 'state', 'crashes', 'worker', 'finishedAt'), {
      state: 'quarantined',
      crashes: 3,
      worker: undefined,
      finishedAt: world.now,
    })
    assert.equal(record.error?.code, 'ATTEMPT_CRASHED')
    const worker = await world.worker()
    assert.deepEqual((await worker.claim()).tasks, [])
    assert.equal((await worker.write({})).live, 0)
  }),

  test('a quarantine touches no task of another worker', async (world) => {
    const tasks = await onProbation(world, 2)
    const [dying, other] = [await world.worker(), await world.worker()]
    const [mine, theirs] = [await dying.beginOne(), await other.claimOne()]
    assert.deepEqual(ids([mine, theirs]), ids(tasks))
    const { quarantined } = await world.store.rescue(dying.incarnation, world.now)
    assert.deepEqual(quarantined, [mine.id])
    assert.deepEqual(await other.finish(succeed(theirs)), [true])
  }),

  test('the evidence of a quarantine takes the place of an earlier error', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    await worker.finish(retry(task, world.now))
    await crash(world, 3)
    assert.deepEqual(await world.states(task), ['quarantined'])
    assert.equal((await world.find(task)).error?.code, 'ATTEMPT_CRASHED')
  }),

  test('a task on probation needs a free place: it is not claimed ahead of its turn', async (world) => {
    const [task] = (await onProbation(world, 1)) as [NewTask]
    const worker = await world.worker()
    const claim = async (early: number): Promise<readonly ClaimedTask[]> => {
      const wish = { room: new Map([['default', 3]]), early: new Map([['default', early]]), probation: true }
      return (await worker.write({ claim: wish })).claimed!.tasks
    }
    assert.deepEqual(await claim(3), [])
    assert.deepEqual(ids(await claim(2)), [task.id])
  }),

  test('a hand-back and a retry are no crashes: they bring no task on probation', async (world) => {
    const worker = await world.worker()
    const { id, claims } = await worker.run()
    for (let round = 1; round <= 4; round++) {
      await worker.store.handBack(worker.incarnation, [{ id, claims: claims * (2 * round - 1) }], world.now)
      await worker.finish(retry(await worker.claimOne({ probation: false }), world.now))
      await worker.claimOne({ probation: false })
    }
    assert.deepEqual(pick(await world.find(id), 'claims', 'handBacks', 'crashes'), {
      claims: 9,
      handBacks: 4,
      crashes: 0,
    })
  }),

  test('a task that was to be cancelled is cancelled when its worker dies, and counts no crash', async (world) => {
    const [dying, other] = [await world.worker(), await world.worker()]
    const [task, next] = world.series(2, { claimFor: dying.incarnation }) as [NewTask, NewTask]
    await dying.write({ adds: [task, next] })
    await other.store.cancel(task.id, world.now)
    world.pass(10)
    const { requeued, quarantined, ready } = await other.store.rescue(dying.incarnation, world.now)
    assert.deepEqual(
      { requeued, quarantined, ready: [...ready] },
      { requeued: [], quarantined: [], ready: ['default'] },
    )
    assert.deepEqual(pick(await world.find(task), 'state', 'crashes', 'finishedAt', 'worker'), {
      state: 'cancelled',
      crashes: 0,
      finishedAt: world.now,
      worker: undefined,
    })
    assert.deepEqual(await world.states(next), ['ready'])
    assert.equal(await world.recount(), 1)
  }),

  test('counts follow a rescue', async (world) => {
    await onProbation(world, 2)
    await crash(world, 1)
    const worker = await world.worker()
    await worker.run()
    assert.equal((await worker.write({})).live, 2)
    assert.deepEqual((await world.store.counts()).get('default'), { scheduled: 0, waiting: 0, ready: 1, running: 1 })
  }),
] as const
