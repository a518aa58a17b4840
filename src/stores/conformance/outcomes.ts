import assert from 'node:assert/strict'
import type { Instant, Outcome, StoredError, TaskId } from '../../model/task.ts'
import { attemptNumber } from '../../model/task.ts'
import { type Case, test } from './case.ts'
import { cancelled, type Claim, fail, json, NO_LUCK, pick, retry, succeed } from './fixtures.ts'
import { ask, type World, type WorldWorker } from './world.ts'

const MOVES = [
  test('succeed: a running task becomes succeeded, with its result', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    world.pass(50)
    assert.deepEqual(await worker.finish(succeed(task, { result: json({ sent: true }) })), [true])
    assert.deepEqual(pick(await world.find(task), 'state', 'worker', 'result', 'error', 'finishedAt'), {
      state: 'succeeded',
      worker: undefined,
      result: json({ sent: true }),
      error: undefined,
      finishedAt: world.now,
    })
  }),

  test('a success without a result has none, and one whose result could not be stored says why', async (world) => {
    const worker = await world.worker()
    const [plain, unstored] = [await worker.run(), await worker.run()]
    await worker.finish(succeed(plain), succeed(unstored, { error: NO_LUCK }))
    assert.deepEqual(pick(await world.find(plain), 'result', 'error'), { result: undefined, error: undefined })
    assert.deepEqual(pick(await world.find(unstored), 'state', 'error'), { state: 'succeeded', error: NO_LUCK })
  }),

  test('a success brings along what its attempt has added, and tells what became of each', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    await world.add(world.task({ id: 'mine', idempotent: true }))
    const adds = [world.task(), world.task({ dueAt: world.now + 500 }), world.task({ id: 'mine', idempotent: true })]
    const { recorded, added, addedBy, ready, live } = await worker.write({ outcomes: [succeed(task, { adds })] })
    assert.deepEqual([recorded, added, [...ready], live], [[true], [], ['default'], 3])
    assert.deepEqual(addedBy?.get(task.id), [
      { kind: 'added', state: 'ready' },
      { kind: 'added', state: 'scheduled' },
      { kind: 'exists', state: 'ready' },
    ])
    assert.equal((await world.find(adds[0]!)).state, 'ready')
  }),

  test('a success whose claim is lost brings nothing along', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    await world.store.rescue(worker.incarnation, world.now)
    const late = world.task()
    const { recorded, addedBy } = await worker.write({ outcomes: [succeed(task, { adds: [late] })] })
    assert.deepEqual([recorded, addedBy?.get(task.id)], [[false], undefined])
    assert.equal(await world.store.find(late.id), undefined)
  }),

  test('a success that is to be forgotten leaves nothing', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    const { recorded, live } = await worker.write({ outcomes: [succeed(task, { forget: true })] })
    assert.deepEqual({ recorded, live }, { recorded: [true], live: 0 })
    assert.equal(await world.store.find(task.id), undefined)
    assert.equal(await world.recount(), 0)
  }),

  test('retry: a running task becomes scheduled, with its error, and runs again when it is due', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    const dueAt = world.now + 500
    assert.deepEqual(await worker.finish(retry(task, dueAt)), [true])
    assert.deepEqual(pick(await world.find(task), 'state', 'worker', 'dueAt', 'error', 'finishedAt'), {
      state: 'scheduled',
      worker: undefined,
      dueAt,
      error: NO_LUCK,
      finishedAt: undefined,
    })
    world.pass(500)
    const again = await worker.claimOne()
    assert.deepEqual({ claims: again.claims, attempt: attemptNumber(again) }, { claims: 2, attempt: 2 })
  }),

  test('a retry that costs no attempt is counted apart: the next attempt has the same number', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    await worker.finish(retry(task, world.now, false))
    const again = await worker.claimOne()
    assert.deepEqual(pick(again, 'claims', 'deferrals'), { claims: 2, deferrals: 1 })
    assert.equal(attemptNumber(again), 1)
    await worker.finish(retry(again, world.now))
    assert.equal(attemptNumber(await worker.claimOne()), 2)
  }),

  test('fail: a running task becomes failed, with its error', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    world.pass(50)
    assert.deepEqual(await worker.finish(fail(task)), [true])
    assert.deepEqual(pick(await world.find(task), 'state', 'worker', 'error', 'finishedAt'), {
      state: 'failed',
      worker: undefined,
      error: NO_LUCK,
      finishedAt: world.now,
    })
  }),

  test('cancel: a running task becomes cancelled when its attempt heeds it', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    world.pass(50)
    assert.deepEqual(await worker.finish(cancelled(task)), [true])
    assert.deepEqual(pick(await world.find(task), 'state', 'worker', 'error', 'finishedAt'), {
      state: 'cancelled',
      worker: undefined,
      error: NO_LUCK,
      finishedAt: world.now,
    })
  }),

  test('an error is kept whole, and a later success clears it', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    const error = {
      name: 'SmtpError',
      message: 'refused:\n "no"',
      code: 'EREFUSED',
      stack: 'SmtpError: …\n    at send',
    }
    await worker.finish({ ...retry(task, world.now), error })
    assert.deepEqual((await world.find(task)).error, error)
    await worker.finish(succeed(await worker.claimOne()))
    assert.equal((await world.find(task)).error, undefined)
  }),

  test('the error of an attempt takes the place of the one before', async (world) => {
    const worker = await world.worker()
    const errorOf = async (id: TaskId): Promise<string | undefined> => (await world.find(id)).error?.message
    const of = (message: string): StoredError => ({ name: 'Error', message })
    const task = await worker.run()
    await worker.finish({ ...task, move: 'retry', dueAt: world.now, costsAttempt: true, error: of('first') })
    await worker.finish({
      ...(await worker.claimOne()),
      move: 'retry',
      dueAt: world.now,
      costsAttempt: true,
      error: of('second'),
    })
    assert.equal(await errorOf(task.id), 'second')
    await worker.finish({ ...(await worker.claimOne()), move: 'fail', error: of('third') })
    assert.equal(await errorOf(task.id), 'third')
    await world.store.requeue(task.id, world.now)
    const claim = await worker.claimOne()
    await world.store.cancel(task.id, world.now)
    await worker.finish({ ...claim, move: 'retry', dueAt: world.now, costsAttempt: true, error: of('fourth') })
    assert.deepEqual(pick(await world.find(task), 'state', 'error'), { state: 'cancelled', error: of('fourth') })
  }),

  test('outcomes count before the claim of their write: what they free can be claimed again', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    const { claimed } = await worker.write({ outcomes: [retry(task, world.now)], claim: ask() })
    assert.deepEqual(
      claimed?.tasks.map(({ id, claims }) => ({ id, claims })),
      [{ id: task.id, claims: 2 }],
    )
  }),
]

const PROGRESS = [
  test('the last progress of an attempt is kept', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    const at = (value: unknown) => ({ id: task.id, claims: task.claims, value: json(value) })
    await worker.write({ progress: [at(10)] })
    await worker.write({ progress: [at(20), at(30)] })
    assert.deepEqual((await world.find(task)).progress, json(30))
    await worker.finish(succeed(task))
    assert.deepEqual((await world.find(task)).progress, json(30))
  }),

  test('progress counts before an outcome of the same write, and is kept by it', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    const progress = [{ id: task.id, claims: task.claims, value: json('almost') }]
    await worker.write({ progress, outcomes: [succeed(task)] })
    assert.deepEqual(pick(await world.find(task), 'state', 'progress'), {
      state: 'succeeded',
      progress: json('almost'),
    })
  }),

  test('progress of a claim that is not held changes nothing', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const task = await worker.run()
    const value = json('mine')
    await worker.write({ progress: [{ id: task.id, claims: task.claims + 1, value }] })
    await other.write({ progress: [{ id: task.id, claims: task.claims, value }] })
    assert.equal((await world.find(task)).progress, undefined)
    await worker.finish(succeed(task))
    await worker.write({ progress: [{ id: task.id, claims: task.claims, value }] })
    assert.equal((await world.find(task)).progress, undefined)
  }),
]

/** The ways an attempt ends, as an outcome under a claim. */
const KINDS: Readonly<Record<string, (claim: Claim, now: Instant) => Outcome>> = {
  succeed: (claim) => succeed(claim, { result: json('late') }),
  'succeed, forgotten,': (claim) => succeed(claim, { forget: true }),
  retry: (claim, now) => retry(claim, now + 1),
  fail,
  cancel: cancelled,
}

interface Stale {
  readonly by: WorldWorker
  readonly claim: Claim
}

/** The ways a claim is lost: each gives a claim that was good, or looks as if, and is not. */
const LOSSES: Readonly<Record<string, (world: World) => Promise<Stale>>> = {
  'an older claim of its own': async (world) => {
    const by = await world.worker()
    const claim = await by.run()
    await by.finish(retry(claim, world.now))
    await by.claimOne()
    return { by, claim }
  },
  'a claim still to come': async (world) => {
    const by = await world.worker()
    const { id, claims } = await by.run()
    return { by, claim: { id, claims: claims + 1 } }
  },
  'the claim of another worker': async (world) => {
    const claim = await (await world.worker()).run()
    return { by: await world.worker(), claim }
  },
  'an older claim, while a cancel is asked for': async (world) => {
    const by = await world.worker()
    const claim = await by.run()
    await by.finish(retry(claim, world.now))
    await by.claimOne()
    await world.store.cancel(claim.id, world.now)
    return { by, claim }
  },
  'the claim of another worker, while a cancel is asked for': async (world) => {
    const claim = await (await world.worker()).run()
    await world.store.cancel(claim.id, world.now)
    return { by: await world.worker(), claim }
  },
  'a claim that was rescued': async (world) => {
    const [by, other] = [await world.worker(), await world.worker()]
    const claim = await by.run()
    await other.store.rescue(by.incarnation, world.now)
    return { by, claim }
  },
  'a claim that was rescued and taken by another': async (world) => {
    const [by, other] = [await world.worker(), await world.worker()]
    const claim = await by.run()
    await other.store.rescue(by.incarnation, world.now)
    await other.claimOne()
    return { by, claim }
  },
  'a claim that was handed back': async (world) => {
    const by = await world.worker()
    const claim = await by.run()
    await by.store.handBack(by.incarnation, [claim], world.now)
    return { by, claim }
  },
  'a claim whose task has ended': async (world) => {
    const by = await world.worker()
    const claim = await by.run()
    await by.finish(fail(claim))
    return { by, claim }
  },
  'a claim whose task was cancelled': async (world) => {
    const by = await world.worker()
    const claim = await by.run()
    await by.finish(retry(claim, world.now + 9_000))
    await world.store.cancel(claim.id, world.now)
    return { by, claim }
  },
  'a claim whose task was requeued': async (world) => {
    const by = await world.worker()
    const claim = await by.run()
    await by.finish(fail(claim))
    await world.store.requeue(claim.id, world.now)
    return { by, claim }
  },
}

const GUARDS: readonly Case[] = Object.entries(KINDS).flatMap(([move, outcome]) =>
  Object.entries(LOSSES).map(([loss, lose]) =>
    test(`${move} under ${loss} changes nothing and is reported`, async (world) => {
      const { by, claim } = await lose(world)
      const before = await world.find(claim)
      world.pass(10)
      const { recorded, live, released } = await by.write({ outcomes: [outcome(claim, world.now)] })
      assert.deepEqual({ recorded, released }, { recorded: [false], released: [] })
      assert.deepEqual(await world.find(claim), before)
      assert.equal(live, await world.recount())
    }),
  ),
)

const REST = [
  test('an outcome of a task that nobody added is reported', async (world) => {
    const worker = await world.worker()
    const strange = { id: world.task().id, claims: 1 }
    const outcomes = Object.values(KINDS).map((outcome) => outcome(strange, world.now))
    assert.deepEqual(
      await worker.finish(...outcomes),
      outcomes.map(() => false),
    )
  }),

  test('outcomes without a worker count for nothing', async (world) => {
    const task = await (await world.worker()).run()
    const { recorded } = await world.write(world.store, undefined, { outcomes: [succeed(task)] })
    assert.deepEqual(recorded, [false])
    assert.deepEqual(await world.states(task), ['running'])
  }),

  test('an outcome that is stale does not spoil the others of its write', async (world) => {
    const worker = await world.worker()
    const [first, stale, last] = [await worker.run(), await worker.run(), await worker.run()]
    const { recorded, added } = await worker.write({
      outcomes: [succeed(first), fail({ ...stale, claims: 7 }), succeed(last)],
      adds: [world.task()],
    })
    assert.deepEqual(recorded, [true, false, true])
    assert.deepEqual(added, [{ kind: 'added', state: 'ready' }])
    assert.deepEqual(await world.states(first, stale, last), ['succeeded', 'running', 'succeeded'])
  }),

  test('of two outcomes of one attempt in one write the first counts', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    assert.deepEqual(await worker.finish(succeed(task), fail(task)), [true, false])
    assert.deepEqual(await world.states(task), ['succeeded'])
  }),
]

/** How attempts end, and that nobody ends the attempt of another. */
export const outcomes: readonly Case[] = [...MOVES, ...PROGRESS, ...GUARDS, ...REST]
