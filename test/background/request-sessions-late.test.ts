/** Who uses a session of a request that has ended, in the words of the error. With frameworks: test/adapters/conformance-sessions.ts. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import type { Background } from '../../src/background.ts'
import { defineTask } from '../../src/define-task.ts'
import type { AfterwordError } from '../../src/model/errors.ts'
import { requestName } from '../../src/request-name.ts'
import type { ResponseScope } from '../../src/response-scope.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { bench } from '../support/bench.ts'

/** A background, and the session of a request that is over. */
async function ended(t: TestContext): Promise<{ background: Background; scope: ResponseScope; use: () => string }> {
  const sessions = { db: nodeSqliteSession(new DatabaseSync(':memory:')) }
  const { background } = bench(t, { sessions })
  const scope = background.attach(undefined, { method: 'GET', url: '/first' })
  const db = (await scope.tasks.session['db']) as DatabaseSync
  await scope.settle(200)
  scope.close()
  return { background, scope, use: () => usedBy(() => db.prepare('SELECT 1')) }
}

function usedBy(act: () => unknown): string {
  let by = 'nothing was thrown'
  assert.throws(act, (error: AfterwordError<'SESSION_ENDED'>) => {
    assert.equal(error.code, 'SESSION_ENDED')
    ;({ by } = error.details)
    return true
  })
  return by
}

describe('a session that is used after its request', () => {
  it('by another request names that one', async (t) => {
    const { background, use } = await ended(t)
    const other = background.attach(undefined, { method: 'POST', url: '/second', id: 7 })
    assert.equal(await other.run(async () => use()), 'request POST /second (7)')
    void other.settle(200)
    assert.match(other.run(use), /^code that request POST \/second \(7\) left running/)
    other.close()
  })

  it('by what its own request has left running names that', async (t) => {
    const { scope, use } = await ended(t)
    assert.match(scope.run(use), /^code that request GET \/first left running/)
  })

  it('by a task that defers something in the meantime names the deferred function', async (t) => {
    const { background, scope, use } = await ended(t)
    const { promise, resolve } = Promise.withResolvers<string[]>()
    const defers = defineTask({
      name: 'defers',
      run() {
        const before = use()
        scope.tasks.defer(() => resolve([before, use(), use()]))
      },
    })
    const { background: other } = bench(t, { tasks: [defers] })
    await other.add(defers)
    const deferred = 'a function deferred by request GET /first'
    assert.deepEqual(await promise, ['task "defers"', deferred, deferred])
    await background.stop({ grace: 0 })
  })

  it('by anybody else says so', async (t) => {
    const { use } = await ended(t)
    assert.equal(use(), 'code outside of any request or task')
  })

  it('or first asked for then: the stack begins with the line that did', async (t) => {
    const { background } = await ended(t)
    const late = background.attach(undefined)
    void late.settle(200)
    late.close()
    const session = late.tasks.session
    const [line, asked] = [new Error('here'), session['db']!]
    await assert.rejects(asked, (error: AfterwordError) => {
      assert.equal(error.code, 'SESSION_TOO_LATE')
      assert.equal(placeOf(error), placeOf(line))
      return true
    })
  })
})

describe('the name of a request', () => {
  it('is its method, its whole path without the query, and its id', () => {
    assert.equal(requestName({ method: 'GET', url: '/a?token=secret' }, undefined), 'request GET /a')
    const mounted = { method: 'GET', url: '/rest', originalUrl: '/mounted/rest?x' }
    assert.equal(requestName(mounted, 'r1'), 'request GET /mounted/rest (r1)')
    assert.equal(requestName({ method: 'GET', url: '/a#b' }, undefined), 'request GET /a')
    const long = { method: 'GET', url: `/${'x'.repeat(300)}` }
    assert.equal(requestName(long, undefined), `request GET /${'x'.repeat(199)}…`)
  })

  it('is what is known of it', () => {
    assert.equal(requestName({ method: 'GET' }, 'r1'), 'request GET (r1)')
    assert.equal(requestName(undefined, undefined), 'request')
  })
})

/** File and line of the first frame. */
function placeOf({ stack = '' }: Error): string {
  const frame = stack.split('\n').find((line) => /^\s+at /.test(line)) ?? ''
  const [place] = /request-sessions-late\.test\.ts:\d+/.exec(frame) ?? []
  return place ?? assert.fail(`the first frame is another one: ${frame}`)
}
