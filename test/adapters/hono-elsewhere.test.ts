/** Hono without a node response below it, as in `app.request()`: the middleware is the gate. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { honoTasks, type TasksEnv } from '../../src/adapters/hono.ts'
import { currentTasks } from '../../src/current-tasks.ts'
import { defineTask } from '../../src/define-task.ts'
import { type Bench, bench } from '../support/bench.ts'
import { FullStore } from './world.ts'

const note = defineTask({ name: 'note', run: (_: string) => undefined })

function application(t: TestContext, options: Parameters<typeof bench>[1] = {}): Bench & { app: Hono<TasksEnv> } {
  const made = bench(t, { tasks: [note], ...options })
  const app = new Hono<TasksEnv>()
  app.use(honoTasks(made.background))
  return { ...made, app }
}

describe('Hono without node:http', () => {
  it('tasks are stored when the answer is given, and run', async (t) => {
    const { app, row, until } = application(t)
    app.get('/', (c) => c.text(c.var.tasks.add(note, 'x').id))
    const id = await (await app.request('/')).text()
    assert.equal((await row(id)).name, 'note')
    await until('attempt:end', id)
  })

  it('tasks are dropped with an error that is answered or thrown', async (t) => {
    const { app, events } = application(t)
    app.get('/answered', (c) => c.text(currentTasks().add(note, 'x').id, 404))
    app.get('/thrown', (c) => {
      c.var.tasks.add(note, 'x')
      throw new HTTPException(409)
    })
    assert.equal((await app.request('/answered')).status, 404)
    assert.equal((await app.request('/thrown')).status, 409)
    assert.deepEqual(
      events.all('task:dropped').map(({ status }) => status),
      [404, 409],
    )
  })

  it('a store that fails is a 503 with Retry-After, without the headers of the answer', async (t) => {
    const { app } = application(t, { store: new FullStore().store })
    app.get('/', (c) => {
      c.header('location', '/made')
      return c.text(c.var.tasks.add(note, 'x').id, 201)
    })
    const response = await app.request('/')
    const { status, headers } = response
    assert.deepEqual([status, headers.get('retry-after'), headers.get('location')], [503, '10', null])
    assert.deepEqual(((await response.json()) as { error: string }).error, 'STORE_FULL')
  })

  it('an add that is refused leaves as onError says, if it says anything but 500', async (t) => {
    const { app } = application(t, { bufferMax: 1 })
    app.get('/', (c) => c.json([c.var.tasks.add(note, 'x').id, c.var.tasks.add(note, 'y').id]))
    // Hono prints errors that nobody handles.
    t.mock.method(console, 'error', () => undefined)
    assert.equal((await app.request('/')).status, 503)
    app.onError((_error, c) => c.text('come back', 429))
    assert.equal((await app.request('/')).status, 429)
  })

  it('c.var.tasks is a task list like any other', async (t) => {
    const { app, background } = application(t)
    app.get('/', (c) =>
      c.json([
        c.var.tasks.pending,
        c.var.tasks instanceof (currentTasks().constructor as () => void),
        c.get('tasks').constructor.name,
      ]),
    )
    assert.deepEqual(await (await app.request('/')).json(), [false, true, 'BackgroundTasks'])
    assert.equal(background.draining, false)
  })
})
