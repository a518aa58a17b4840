import assert from 'node:assert/strict'
import type { Incarnation, NewTask, TaskRecord } from '../../model/task.ts'
import { test } from './case.ts'
import { json, pick, succeed } from './fixtures.ts'
import { ask, type WorldWorker } from './world.ts'

/** One task among many that are alike differs from them by this. */
const DIFFERENT: Readonly<Record<string, (worker: WorldWorker) => Partial<NewTask>>> = {
  'another name': () => ({ name: 'other-work' }),
  'another queue': () => ({ queue: 'mail' }),
  'a priority': () => ({ priority: 7 }),
  'a time in the future': () => ({ dueAt: 99_000_000 }),
  'another durability': () => ({ durability: 'power' }),
  'a claim ahead of its turn': ({ incarnation }) => ({ claimFor: incarnation, early: true }),
  'a claim when the others have none, or none when they have': ({ incarnation }) => ({ claimFor: incarnation }),
  'a value carried along': () => ({ carried: json({ tenant: 'one' }) }),
  'a value in another format': () => ({ input: { format: 1, text: '[["Date","2020-01-01T00:00:00.000Z"]]' } }),
  'a place in a series': () => ({ series: 'the-first' }),
  'a task before it that nobody added': () => ({ series: 'the-first', after: 'the-first' }),
  'an id of its own': () => ({ id: `own-${++owned}`, idempotent: true }),
  'no request': () => ({ requestId: undefined }),
}
let owned = 0

function asAdded(stored: TaskRecord): object {
  return pick(stored, ...ADDED, 'worker', 'claims', 'early')
}

function asWanted(task: NewTask, worker: Incarnation): object {
  const running = task.claimFor === worker && task.dueAt === undefined
  return {
    ...pick(task, ...ADDED),
    worker: running ? worker : undefined,
    claims: running ? 1 : 0,
    early: running && task.early === true,
  }
}

const ADDED = [
  'id',
  'name',
  'queue',
  'priority',
  'dueAt',
  'addedAt',
  'input',
  'durability',
  'series',
  'requestId',
  'carried',
] as const

/** How tasks come into the store, and in which state. */
export const adding = [
  test('a task that nobody claims is ready', async (world) => {
    const task = world.task()
    assert.deepEqual(await world.add(task), [{ kind: 'added', state: 'ready' }])
    const { state, worker, claims } = await world.find(task)
    assert.deepEqual({ state, worker, claims }, { state: 'ready', worker: undefined, claims: 0 })
  }),

  test('a task can be claimed as it is inserted', async (world) => {
    const worker = await world.worker()
    const task = world.task({ claimFor: worker.incarnation })
    const { added, ready } = await worker.write({ adds: [task] })
    assert.deepEqual(added, [{ kind: 'added', state: 'running' }])
    assert.deepEqual([...ready], [])
    assert.deepEqual(pick(await world.find(task), 'state', 'worker', 'claims'), {
      state: 'running',
      worker: worker.incarnation,
      claims: 1,
    })
  }),

  test('a task that its writer claims for somebody else is ready', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const { added } = await worker.write({ adds: [world.task({ claimFor: other.incarnation })] })
    assert.deepEqual(added, [{ kind: 'added', state: 'ready' }])
  }),

  test('a task that is due later is scheduled, whoever wants it', async (world) => {
    const worker = await world.worker()
    const dueAt = world.now + 60_000
    const tasks = [world.task({ dueAt }), world.task({ dueAt, claimFor: worker.incarnation })]
    const { added } = await worker.write({ adds: tasks })
    const scheduled = { kind: 'added', state: 'scheduled' }
    assert.deepEqual(added, [scheduled, scheduled])
    for (const task of tasks) {
      assert.deepEqual(pick(await world.find(task), 'dueAt', 'worker'), { dueAt, worker: undefined })
    }
  }),

  test('a task behind one that has not ended is waiting, in the same write and in a later one', async (world) => {
    const worker = await world.worker()
    const [first, second, third] = world.series(3, { claimFor: worker.incarnation }) as [NewTask, NewTask, NewTask]
    const { added } = await worker.write({ adds: [first, second] })
    assert.deepEqual(added, [
      { kind: 'added', state: 'running' },
      { kind: 'added', state: 'waiting' },
    ])
    assert.deepEqual(await world.add(third), [{ kind: 'added', state: 'waiting' }])
    assert.equal((await world.find(third)).after, second.id)
  }),

  test('a task behind one that has ended, or that nobody added, is not waiting', async (world) => {
    const worker = await world.worker()
    const done = await worker.run()
    await worker.finish(succeed(done))
    const answers = await world.add(world.task({ after: done.id }), world.task({ after: world.task().id }))
    const ready = { kind: 'added', state: 'ready' }
    assert.deepEqual(answers, [ready, ready])
  }),

  test('a task is found as it was given', async (world) => {
    const fields = {
      name: 'send/welcome:v2',
      queue: 'mail',
      priority: -3,
      input: json({ to: 'Ada' }),
      durability: 'power',
      requestId: 'request-7',
      carried: json({ trace: 'abc' }),
    } as const
    const [task] = world.series(1, fields) as [NewTask]
    await world.add(task)
    const rest = { dueAt: undefined, worker: undefined, after: undefined, progress: undefined, result: undefined }
    const { idempotent: _, claimFor: __, ...given } = task
    assert.deepEqual(await world.find(task), {
      ...given,
      ...rest,
      state: 'ready',
      claims: 0,
      crashes: 0,
      handBacks: 0,
      deferrals: 0,
      early: false,
      error: undefined,
      finishedAt: undefined,
      cancelling: false,
    } satisfies TaskRecord)
  }),

  test('a task that nobody added is not found', async (world) => {
    await world.add(world.task())
    for (const id of [world.task().id, 'welcome:42', '']) assert.equal(await world.store.find(id), undefined)
  }),

  test('the answers come in the order of the adds', async (world) => {
    const worker = await world.worker()
    const first = world.task({ id: 'one', idempotent: true })
    await world.add(first)
    const { added } = await worker.write({
      adds: [
        world.task({ dueAt: world.now + 1_000 }),
        { ...first, input: json('another') },
        world.task({ claimFor: worker.incarnation }),
        first,
        world.task(),
      ],
    })
    assert.deepEqual(added, [
      { kind: 'added', state: 'scheduled' },
      { kind: 'taken', by: 'work' },
      { kind: 'added', state: 'running' },
      { kind: 'exists', state: 'ready' },
      { kind: 'added', state: 'ready' },
    ])
  }),

  test('a thousand tasks fit into one write', async (world) => {
    const adds = Array.from({ length: 1_000 }, () => world.task())
    assert.equal((await world.add(...adds)).length, 1_000)
    assert.equal(await world.recount(), 1_000)
  }),

  test('a write tells in which queues tasks became ready that nobody owns', async (world) => {
    const worker = await world.worker()
    const { ready } = await worker.write({
      adds: [
        world.task({ queue: 'one' }),
        world.task({ queue: 'two', claimFor: worker.incarnation }),
        world.task({ queue: 'three', dueAt: world.now + 1_000 }),
        world.task({ queue: 'four' }),
      ],
    })
    assert.deepEqual([...ready].sort(), ['four', 'one'])
  }),

  test('a write tells how many tasks are live', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    const more = { adds: [world.task(), world.task({ dueAt: world.now + 1_000 })] }
    assert.equal((await worker.write(more)).live, 3)
    assert.equal((await worker.write({ outcomes: [succeed(task)] })).live, 2)
    assert.equal((await worker.write({})).live, 2)
  }),

  test('the same add twice is stored once: a write whose end was not heard of can be repeated', async (world) => {
    const worker = await world.worker()
    const task = world.task()
    await world.add(task)
    assert.deepEqual(await world.add(task), [{ kind: 'exists', state: 'ready' }])
    assert.deepEqual(await world.add(world.task(), task), [
      { kind: 'added', state: 'ready' },
      { kind: 'exists', state: 'ready' },
    ])
    assert.equal((await worker.claim()).tasks.length, 2)
  }),

  test("an id of the caller's own is added once, also within a write", async (world) => {
    const task = world.task({ id: 'welcome:42', idempotent: true })
    assert.deepEqual(await world.add(task, task), [
      { kind: 'added', state: 'ready' },
      { kind: 'exists', state: 'ready' },
    ])
    assert.deepEqual(await world.add({ ...task, addedAt: world.pass(1) }), [{ kind: 'exists', state: 'ready' }])
    assert.equal(await world.recount(), 1)
    assert.equal((await world.find(task)).addedAt, task.addedAt)
  }),

  test("an id of the caller's own is kept when its task has ended, and the answer tells its state", async (world) => {
    const worker = await world.worker()
    const task = await worker.run({ id: 'welcome:42', idempotent: true })
    assert.deepEqual(await world.add(task), [{ kind: 'exists', state: 'running' }])
    await worker.finish(succeed(task))
    assert.deepEqual(await world.add(task), [{ kind: 'exists', state: 'succeeded' }])
    assert.equal(await world.recount(), 0)
  }),

  test('an id that belongs to a task of another name, or with another input, is taken', async (world) => {
    const task = world.task({ id: 'welcome:42', idempotent: true })
    await world.add(task)
    const input = { format: 1, text: task.input.text } as const
    const others = [
      { ...task, name: 'other' },
      { ...task, input: json({ of: 'other' }) },
      { ...task, input },
    ]
    const taken = { kind: 'taken', by: 'work' }
    assert.deepEqual(await world.add(...others), [taken, taken, taken])
    assert.deepEqual(pick(await world.find(task), 'name', 'input'), { name: 'work', input: task.input })
    assert.equal(await world.recount(), 1)
  }),

  test("an id of the caller's own may look like one of ours", async (world) => {
    const ours = world.task()
    await world.add(ours)
    assert.deepEqual(await world.add({ ...ours, idempotent: true }), [{ kind: 'exists', state: 'ready' }])
    const theirs = world.task({ idempotent: true })
    await world.add(theirs)
    assert.deepEqual(await world.add(theirs), [{ kind: 'exists', state: 'ready' }])
    assert.deepEqual(await world.states(ours, theirs), ['ready', 'ready'])
  }),

  test('a task behind an id that existed waits for that task', async (world) => {
    const first = world.task({ id: 'welcome:42', idempotent: true })
    await world.add(first)
    const [, second] = await world.add(first, world.task({ after: first.id }))
    assert.deepEqual(second, { kind: 'added', state: 'waiting' })
  }),

  test('a task behind one whose id was taken does not wait for the stranger', async (world) => {
    const stranger = world.task({ id: 'welcome:42', idempotent: true })
    await world.add(stranger)
    const [, second] = await world.add({ ...stranger, input: json('another') }, world.task({ after: stranger.id }))
    assert.deepEqual(second, { kind: 'added', state: 'ready' })
  }),

  ...Object.entries(DIFFERENT).map(([what, fields]) =>
    test(`of many tasks in one write each is stored as it is, also the one with ${what}`, async (world) => {
      const worker = await world.worker()
      // Stores write what is alike together: the one that differs stands first, last and inside of such a group.
      for (const at of [0, 5, 15, 16, 18, 20]) {
        const claimFor = at % 2 === 0 ? worker.incarnation : undefined
        const tasks = Array.from({ length: 21 }, (_, i) =>
          world.task({ claimFor, input: json({ i }), requestId: `req-${i}`, ...(i === at ? fields(worker) : {}) }),
        )
        const { added, recorded } = await worker.write({ adds: tasks })
        assert.deepEqual(recorded, [])
        for (const [i, task] of tasks.entries()) {
          const stored = await world.find(task)
          assert.deepEqual(added[i], { kind: 'added', state: stored.state })
          assert.deepEqual(asAdded(stored), asWanted(task, worker.incarnation), `${i} of 21, with ${at} different`)
        }
      }
      await world.recount()
    }),
  ),

  test('a key that is taken in the middle of a write takes nothing from the others', async (world) => {
    const worker = await world.worker()
    const there = world.task()
    await world.add(there)
    const tasks = Array.from({ length: 40 }, (_, i) => (i === 21 ? there : world.task({ input: json({ i }) })))
    const { added } = await worker.write({ adds: tasks })
    assert.deepEqual(
      added.map(({ kind }) => kind),
      tasks.map((task) => (task === there ? 'exists' : 'added')),
    )
    for (const task of tasks) assert.deepEqual((await world.find(task)).input, task.input)
    assert.equal(await world.recount(), 40)
  }),

  test('what a write adds can be claimed by it', async (world) => {
    const worker = await world.worker()
    const task = world.task()
    const { claimed, added } = await worker.write({ adds: [task], claim: ask() })
    assert.deepEqual(added, [{ kind: 'added', state: 'ready' }])
    assert.deepEqual(
      claimed?.tasks.map(({ id }) => id),
      [task.id],
    )
  }),
] as const
