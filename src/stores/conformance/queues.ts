import assert from 'node:assert/strict'
import type { NewTask } from '../../model/task.ts'
import { test } from './case.ts'
import { fail, succeed } from './fixtures.ts'
import type { World } from './world.ts'

async function readyKinds(world: World): Promise<string[]> {
  const kinds = await world.store.readyKinds()
  return kinds.map(({ queue, name, version }) => `${queue} ${name} ${version}`).sort()
}

/** Pauses, counts, and what lies ready in each queue. */
export const queues = [
  test('a pause holds for every store on the same tasks, until it is lifted', async (world) => {
    const other = await world.connect()
    assert.deepEqual([...(await world.store.paused())], [])
    await world.store.pause('mail', true)
    await other.pause('reports', true)
    assert.deepEqual([...(await world.store.paused())].sort(), ['mail', 'reports'])
    assert.deepEqual([...(await other.paused())].sort(), ['mail', 'reports'])
    await other.pause('mail', false)
    assert.deepEqual([...(await world.store.paused())], ['reports'])
  }),

  test('to pause twice is to pause once, and a queue that is not paused can be resumed', async (world) => {
    await world.store.pause('mail', true)
    await world.store.pause('mail', true)
    await world.store.pause('mail', false)
    await world.store.pause('mail', false)
    assert.deepEqual([...(await world.store.paused())], [])
  }),

  test('counts tells the live tasks by queue and state, and leaves out what has ended', async (world) => {
    const worker = await world.worker()
    assert.deepEqual([...(await world.store.counts())], [])
    const first = await worker.run()
    await world.add(
      world.task({ after: first.id }),
      world.task({ after: first.id }),
      world.task(),
      world.task({ queue: 'mail', dueAt: world.now + 1_000 }),
      world.task({ queue: 'mail', name: 'strange' }),
    )
    await worker.finish(succeed(await worker.run()), fail(await worker.run({ queue: 'ended' })))
    const counts = await world.store.counts()
    assert.deepEqual(Object.fromEntries(counts), {
      default: { scheduled: 0, waiting: 2, ready: 1, running: 1 },
      mail: { scheduled: 1, waiting: 0, ready: 1, running: 0 },
    })
  }),

  test('readyKinds tells the queue, name and version of ready tasks, each once', async (world) => {
    const worker = await world.worker()
    assert.deepEqual(await readyKinds(world), [])
    const tasks = [
      ...Array.from({ length: 5 }, () => world.task({ queue: 'mail', name: 'welcome' })),
      ...Array.from({ length: 3 }, (_, i) => world.task({ queue: 'mail', name: 'goodbye', priority: i })),
      world.task({ name: 'zebra' }),
      world.task({ name: 'Zebra' }),
      world.task({ name: 'later', dueAt: world.now + 1_000 }),
      world.task({ queue: 'zoo', name: 'ape' }),
      world.task({ queue: 'zoo', name: 'ape', version: 3 }),
      world.task({ queue: 'zoo', name: 'ape', version: 3 }),
    ]
    await world.add(...tasks)
    await worker.run({ name: 'running' })
    assert.deepEqual(await readyKinds(world), [
      'default Zebra 1',
      'default zebra 1',
      'mail goodbye 1',
      'mail welcome 1',
      'zoo ape 1',
      'zoo ape 3',
    ])
  }),

  test('readyKinds forgets a kind with its last ready task', async (world) => {
    const worker = await world.worker()
    const tasks = [world.task(), world.task()] as const
    await world.add(...tasks)
    await worker.claim({ room: 1 })
    assert.deepEqual(await readyKinds(world), ['default work 1'])
    await worker.claim({ room: 1 })
    assert.deepEqual(await readyKinds(world), [])
  }),

  test('readyKinds tells of a task on probation too', async (world) => {
    const [task] = world.series(1) as [NewTask]
    await world.add(task)
    for (let crash = 1; crash <= 2; crash++) {
      const dying = await world.worker()
      await dying.beginOne()
      await world.store.rescue(dying.incarnation, world.now)
    }
    assert.deepEqual(await readyKinds(world), ['default work 1'])
  }),
] as const
