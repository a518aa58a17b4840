/** Database sessions of requests, without HTTP: when they are opened, how their end follows the status, and what hangs on it. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import type { BackgroundOptions } from '../../src/background-options.ts'
import type { Background } from '../../src/background.ts'
import { defineTask } from '../../src/define-task.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import type { OpenSession, SessionProvider } from '../../src/model/session.ts'
import type { ResponseScope } from '../../src/response-scope.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { type Bench, bench, gate, timedBench } from '../support/bench.ts'
import { turn } from '../support/fake-clock.ts'

const echo = defineTask({ name: 'echo', run: (text: string) => text })

/** A database with one table, of which a test wants to know what was committed. */
class Ledger {
  readonly database = new DatabaseSync(':memory:')
  readonly provider: SessionProvider<DatabaseSync>
  readonly log: string[] = []

  constructor(transaction = true) {
    this.database.exec('CREATE TABLE effect (id TEXT PRIMARY KEY)')
    this.provider = logged(nodeSqliteSession(this.database, { transaction }), this.log)
  }

  insert(db: unknown, id: string): void {
    ;(db as DatabaseSync).prepare('INSERT INTO effect VALUES (?)').run(id)
  }

  get ids(): unknown[] {
    return this.database
      .prepare('SELECT id FROM effect')
      .all()
      .map(({ id }) => id)
  }
}

/** The provider, which tells what is done with its sessions; `change` makes of a session what a test wants it to be. */
function logged<Handle>(
  provider: SessionProvider<Handle>,
  log: string[],
  change: (session: OpenSession<Handle>) => Partial<OpenSession<Handle>> = () => ({}),
): SessionProvider<Handle> {
  return {
    ...provider,
    async open() {
      log.push('open')
      const opened = await provider.open()
      const session = { ...opened, ...change(opened) }
      return {
        ...session,
        commit() {
          log.push('commit')
          return session.commit()
        },
        rollback() {
          log.push('rollback')
          return session.rollback()
        },
        close(broken) {
          log.push(broken ? 'close, broken' : 'close')
          return session.close(broken)
        },
      }
    },
  }
}

function open(t: TestContext, sessions: BackgroundOptions['sessions'], options: BackgroundOptions = {}): Bench {
  return bench(t, { tasks: [echo], works: false, sessions, ...options })
}

function attach(background: Background, id = 'r1'): ResponseScope {
  return background.attach(undefined, { method: 'POST', url: '/signup?token=secret', id })
}

/** Waits for the answer to be allowed out, and why not. */
async function settled(scope: ResponseScope, status = 200): Promise<AfterwordError | undefined> {
  return scope.settle(status)?.then(
    () => undefined,
    (error: unknown) => error as AfterwordError,
  )
}

describe('a session of a request', () => {
  it('is opened when it is first asked for, and is the same one for the whole request', async (t) => {
    const { provider, log } = new Ledger()
    const { background } = open(t, { db: provider })
    const { tasks } = attach(background)
    const { session } = tasks
    assert.deepEqual(log, [])
    assert.equal(await session['db'], await tasks.session['db'])
    assert.deepEqual(log, ['open'])
  })

  for (const [status, isKept] of [
    [200, true],
    [302, true],
    [404, false],
    [500, false],
  ] as const) {
    it(`is ${isKept ? 'committed' : 'rolled back'} and closed by an answer of ${status}, before its head leaves`, async (t) => {
      const ledger = new Ledger()
      const { background } = open(t, { db: ledger.provider })
      const scope = attach(background)
      ledger.insert(await scope.tasks.session['db'], 'a')
      assert.equal(await settled(scope, status), undefined)
      assert.deepEqual(ledger.log, ['open', isKept ? 'commit' : 'rollback', 'close'])
      assert.deepEqual(ledger.ids, isKept ? ['a'] : [])
      scope.close()
    })
  }

  it('is committed before the tasks of its request are stored', async (t) => {
    const ledger = new Ledger()
    const { background, events } = open(t, { db: ledger.provider })
    background.on('task:added', () => ledger.log.push('task'))
    const scope = attach(background)
    ledger.insert(await scope.tasks.session['db'], 'a')
    scope.tasks.add(echo, 'x')
    assert.equal(await settled(scope), undefined)
    assert.deepEqual(ledger.log, ['open', 'commit', 'close', 'task'])
    assert.equal(events.all('task:added').length, 1)
    scope.close()
  })

  it('costs an answer no wait when nobody has asked for one', (t) => {
    const { background } = open(t, { db: new Ledger().provider })
    const scope = attach(background)
    assert.notEqual(scope.tasks.session, undefined)
    assert.equal(scope.settle(200), undefined)
    scope.close()
  })

  it('that no provider is for is refused with the names there are', async (t) => {
    const { background } = open(t, { main: new Ledger().provider })
    const { tasks } = attach(background)
    await assert.rejects(tasks.session['mian']!, {
      code: 'SESSION_UNKNOWN',
      message: /did you mean "main"\?.*are: main/,
    })
    const none = bench(t)
    await assert.rejects(none.background.attach(undefined).tasks.session['db']!, {
      code: 'SESSION_UNKNOWN',
      message: /The sessions here are: none/,
    })
  })

  it('that could not be opened is tried again when it is asked for again', async (t) => {
    const ledger = new Ledger()
    let failures = 1
    const provider = {
      ...ledger.provider,
      open: () => (failures-- > 0 ? Promise.reject(new Error('no route to host')) : ledger.provider.open()),
    }
    const { background } = open(t, { db: provider })
    const scope = attach(background)
    await assert.rejects(scope.tasks.session['db']!, { code: 'SESSION_NOT_OPENED', message: /no route to host/ })
    ledger.insert(await scope.tasks.session['db'], 'a')
    assert.equal(await settled(scope), undefined)
    assert.deepEqual(ledger.ids, ['a'])
    scope.close()
  })

  it('may stand beside others without a transaction, not beside a second one', async (t) => {
    const sessions = { db: new Ledger().provider, second: new Ledger().provider, plain: new Ledger(false).provider }
    const { background } = open(t, sessions)
    const scope = attach(background)
    await Promise.all([scope.tasks.session['plain'], scope.tasks.session['db']])
    await assert.rejects(scope.tasks.session['second']!, {
      code: 'SESSION_SECOND_DATABASE',
      message: /Session "second" was refused to request POST \/signup \(r1\), which has session "db" open/,
    })
    assert.equal(await settled(scope), undefined)
    scope.close()
  })
})

describe('a session without a transaction', () => {
  it('is closed when the answer is out, and neither committed nor rolled back', async (t) => {
    const ledger = new Ledger(false)
    const { background } = open(t, { db: ledger.provider })
    const scope = attach(background)
    const db = await scope.tasks.session['db']
    assert.equal(scope.settle(500), undefined)
    ledger.insert(db, 'in a stream')
    assert.deepEqual(ledger.log, ['open'])
    scope.close()
    assert.deepEqual([ledger.log, ledger.ids], [['open', 'close'], ['in a stream']])
    assert.throws(() => ledger.insert(db, 'later'), { code: 'SESSION_ENDED', message: /after it was closed/ })
  })

  it('may be asked for while the answer is being sent, not when it is out', async (t) => {
    const ledger = new Ledger(false)
    const { background } = open(t, { db: ledger.provider, tx: new Ledger().provider })
    const scope = attach(background)
    void scope.settle(200)
    ledger.insert(await scope.tasks.session['db'], 'in a stream')
    await assert.rejects(scope.tasks.session['tx']!, {
      code: 'SESSION_TOO_LATE',
      message: /Session "tx" of request POST \/signup \(r1\) was first asked for after the head of its answer had left/,
    })
    scope.close()
    assert.deepEqual(ledger.log, ['open', 'close'])
    const late = attach(background)
    void late.settle(200)
    late.close()
    await assert.rejects(late.tasks.session['db']!, { code: 'SESSION_TOO_LATE', message: /after its answer was out/ })
  })

  it('that is opened while its answer ends is closed as it comes', async (t) => {
    const { provider, log } = new Ledger(false)
    const { background } = open(t, { db: provider })
    const scope = attach(background)
    const opening = scope.tasks.session['db']!
    void scope.settle(200)
    scope.close()
    const db = (await opening) as DatabaseSync
    assert.throws(() => db.prepare('SELECT 1'), { code: 'SESSION_ENDED' })
    assert.deepEqual(log, ['open', 'close'])
  })
})

describe('an answer that cannot stand', () => {
  it('with a commit that fails: nothing is kept but what an error keeps, and the error says why', async (t) => {
    const ledger = new Ledger()
    const refusing = { commit: () => Promise.reject(new Error('deferred constraint')) }
    const { background, row } = open(t, { db: logged(nodeSqliteSession(ledger.database), ledger.log, () => refusing) })
    const scope = attach(background)
    ledger.insert(await scope.tasks.session['db'], 'a')
    const ordinary = scope.tasks.add(echo, 'x')
    const always = scope.tasks.add(echo, 'y', { on: 'always' })
    const deferred: string[] = []
    scope.tasks.defer(() => deferred.push('success'))
    scope.tasks.defer(() => deferred.push('error'), { on: 'error' })
    const error = await settled(scope)
    assert.equal(error?.code, 'SESSION_COMMIT_FAILED')
    assert.match(
      error.message,
      /session "db" of request POST \/signup \(r1\) could not be committed .*: deferred constraint/,
    )
    assert.deepEqual([ledger.ids, ledger.log], [[], ['open', 'commit', 'rollback', 'close']])
    await assert.rejects(ordinary.committed, (dropped: AfterwordError) => {
      assert.deepEqual([dropped.code, dropped.cause], ['TASK_DROPPED', error])
      return true
    })
    await always.committed
    assert.equal((await row(always.id)).state, 'ready')
    // Whatever the application answers to that error: a success is refused again.
    assert.equal(await settled(scope, 200), error)
    assert.equal(scope.settle(409), undefined)
    scope.close()
    await turn()
    assert.deepEqual(deferred, ['error'])
  })

  it('with a commit of which nobody knows', async (t) => {
    const ledger = new Ledger()
    const lost = (): Promise<never> => Promise.reject(new Error('connection lost'))
    const provider = logged(nodeSqliteSession(ledger.database), ledger.log, () => ({ commit: lost, rollback: lost }))
    const { background } = open(t, { db: provider })
    const scope = attach(background)
    await scope.tasks.session['db']
    const error = await settled(scope)
    assert.deepEqual([error?.code, error?.statusCode], ['SESSION_COMMIT_UNKNOWN', 503])
    assert.deepEqual(ledger.log, ['open', 'commit', 'rollback', 'close, broken'])
    ledger.database.exec('ROLLBACK')
    scope.close()
  })

  it('with a query that nobody awaited: it is rolled back', async (t) => {
    const ledger = new Ledger()
    const { background } = open(t, {
      db: logged(nodeSqliteSession(ledger.database), ledger.log, () => ({ running: () => 2 })),
    })
    const scope = attach(background)
    ledger.insert(await scope.tasks.session['db'], 'a')
    scope.tasks.add(echo, 'x').committed.catch(() => undefined)
    const error = await settled(scope)
    assert.equal(error?.code, 'SESSION_QUERY_RUNNING')
    assert.match(error.message, /was rolled back: 2 of its queries had no answer yet/)
    assert.deepEqual(ledger.ids, [])
    scope.close()
  })

  it('with an error of the provider itself keeps that', async (t) => {
    const ledger = new Ledger()
    const own = new AfterwordError('SESSION_NO_TRANSACTION', { where: 'commit' })
    const provider = logged(nodeSqliteSession(ledger.database), ledger.log, () => ({
      commit: () => Promise.reject(own),
    }))
    const { background } = open(t, { db: provider })
    const scope = attach(background)
    await scope.tasks.session['db']
    assert.equal(await settled(scope), own)
    scope.close()
  })
})

describe('while its transaction ends', () => {
  /** A request whose commit waits for the test. */
  async function held(t: TestContext, fails: boolean) {
    const ledger = new Ledger()
    const [reached, letGo] = [gate(), gate()]
    const provider = logged(nodeSqliteSession(ledger.database), ledger.log, (session) => ({
      async commit() {
        reached.open()
        await letGo.opened
        if (fails) throw new Error('conflict')
        await session.commit()
      },
    }))
    const made = open(t, { db: provider })
    const scope = attach(made.background)
    await scope.tasks.session['db']
    const first = scope.tasks.add(echo, 'first')
    const ended = settled(scope)
    await reached.opened
    return { ...made, scope, first, ended, letGo: letGo.open }
  }

  it('what is added shares the fate of the answer', async (t) => {
    const { scope, first, ended, letGo } = await held(t, true)
    const second = scope.tasks.add(echo, 'second')
    let ran = false
    scope.tasks.defer(() => (ran = true))
    letGo()
    assert.equal((await ended)?.code, 'SESSION_COMMIT_FAILED')
    for (const { committed } of [first, second]) await assert.rejects(committed, { code: 'TASK_DROPPED' })
    scope.close()
    await turn()
    assert.equal(ran, false)
  })

  it('commit() comes after it, and the order of the tasks holds', async (t) => {
    const { scope, first, ended, letGo, background } = await held(t, false)
    const second = scope.tasks.add(echo, 'second')
    let isOver = false
    const committing = scope.tasks.commit().then(() => (isOver = true))
    await turn()
    assert.equal(isOver, false)
    letGo()
    assert.equal(await ended, undefined)
    await Promise.all([committing, first.committed, second.committed])
    const { tasks } = await background.list({ series: first.id })
    assert.deepEqual(
      tasks.map(({ id, state }) => [id, state]),
      [
        [second.id, 'waiting'],
        [first.id, 'ready'],
      ],
    )
    scope.close()
  })

  it('an answer that is out by then starts what was kept', async (t) => {
    const { scope, first, ended, letGo, row } = await held(t, false)
    let ran = false
    scope.tasks.defer(() => (ran = true))
    scope.close()
    letGo()
    assert.equal(await ended, undefined)
    await first.committed
    assert.equal((await row(first.id)).state, 'ready')
    await turn()
    assert.equal(ran, true)
  })
})

describe('a request that nobody waits for any more', () => {
  it('whose handler leaves a status in time is settled by it', async (t) => {
    const ledger = new Ledger()
    const { background } = open(t, { db: ledger.provider })
    const scope = attach(background)
    ledger.insert(await scope.tasks.session['db'], 'a')
    scope.close()
    ledger.insert(await scope.tasks.session['db'], 'b')
    assert.equal(await settled(scope), undefined)
    assert.deepEqual(ledger.ids, ['a', 'b'])
  })

  it('may ask for one as long as its handler has left no status', async (t) => {
    const ledger = new Ledger()
    const { background } = open(t, { db: ledger.provider })
    const scope = attach(background)
    scope.close()
    ledger.insert(await scope.tasks.session['db'], 'a')
    assert.equal(await settled(scope), undefined)
    assert.deepEqual([ledger.ids, ledger.log], [['a'], ['open', 'commit', 'close']])
  })

  it('whose handler leaves none is rolled back, for it may be half done; its tasks are those of an error', async (t) => {
    const ledger = new Ledger()
    const { background, clock, row } = timedBench(t, { tasks: [echo], works: false, sessions: { db: ledger.provider } })
    const scope = attach(background)
    const db = await scope.tasks.session['db']
    ledger.insert(db, 'half')
    const ordinary = scope.tasks.add(echo, 'x')
    const always = scope.tasks.add(echo, 'y', { on: 'always' })
    scope.close()
    await clock.advance(5_000)
    assert.deepEqual([ledger.ids, ledger.log], [[], ['open', 'rollback', 'close']])
    assert.throws(() => ledger.insert(db, 'other half'), { code: 'SESSION_ENDED', message: /after it was rolled back/ })
    await assert.rejects(ordinary.committed, { code: 'TASK_DROPPED' })
    await always.committed
    assert.equal((await row(always.id)).state, 'ready')
    assert.equal((await settled(scope))?.code, 'SESSION_UNANSWERED')
    await assert.rejects(scope.tasks.session['other']!, { code: 'SESSION_UNKNOWN' })
  })

  it('keeps its tasks when its session is none with a transaction, and that is closed', async (t) => {
    const ledger = new Ledger(false)
    const { background, clock, row } = timedBench(t, { tasks: [echo], works: false, sessions: { db: ledger.provider } })
    const scope = attach(background)
    await scope.tasks.session['db']
    const task = scope.tasks.add(echo, 'x')
    scope.close()
    assert.deepEqual(ledger.log, ['open'])
    await clock.advance(5_000)
    await task.committed
    assert.deepEqual([(await row(task.id)).state, ledger.log], ['ready', ['open', 'close']])
  })

  it('is rolled back by a stop that does not wait for it', async (t) => {
    const ledger = new Ledger()
    const { background } = open(t, { db: ledger.provider })
    await background.start()
    const scope = attach(background)
    ledger.insert(await scope.tasks.session['db'], 'half')
    await background.stop({ grace: 0 })
    assert.deepEqual([ledger.ids, ledger.log], [[], ['open', 'rollback', 'close']])
    const error = await settled(scope)
    assert.deepEqual([error?.code, error?.statusCode], ['SESSION_UNANSWERED', 503])
  })
})
