/** What the page sees of the tasks: events as they happen, and the store whenever it asks. */
import type { TaskView } from 'afterword'
import type { FastifyInstance } from 'fastify'
import { background } from './background.ts'
import { Live } from './live.ts'
import { PHOTO_BYTES_MAX, WIDTHS } from './photos.ts'
import { known } from './supervisor.ts'

const IDS_MAX = 10_000

export const live = new Live()
const startedAt = Date.now()

/** Every move of a task goes to every open page. */
export function followTasks(): void {
  background.on('task:added', ({ task: { id } }) => moved(id, { state: 'ready', attempt: 0 }))
  background.on('attempt:start', ({ attempt: { id, attempt } }) => moved(id, { state: 'running', attempt }))
  background.on('attempt:progress', ({ attempt: { id, attempt }, value }) =>
    moved(id, { state: 'running', attempt, progress: value }),
  )
  background.on('attempt:end', ({ attempt: { id, attempt }, state, error, retryInMs }) =>
    moved(id, {
      state,
      attempt,
      error: error?.message,
      dueAt: retryInMs === undefined ? undefined : Date.now() + retryInMs,
    }),
  )
}

function moved(id: string, move: object): void {
  live.tell({ type: 'task', startedAt, at: Date.now(), task: { id, ...move } })
}

export async function watching(app: FastifyInstance): Promise<void> {
  // Open streams would keep the server from closing.
  app.addHook('preClose', async () => live.close())

  app.get('/events', async (_request, reply) => {
    const { demoId, mails, incidents } = known
    const about = { demoId, pid: process.pid, startedAt, photoBytesMax: PHOTO_BYTES_MAX, widths: WIDTHS }
    const stream = live.open({ type: 'hello', ...about, mails: [...mails.values()], incidents })
    return reply.header('cache-control', 'no-store').type('text/event-stream').send(stream)
  })

  /** The page brings the ids that were acknowledged to it; the store says what became of each. */
  app.post<{ Body: { ids: string[] } }>('/tasks/states', { schema: { body: idsSchema() } }, async (request, _reply) => {
    const views = await Promise.all(request.body.ids.map((id) => background.get(id)))
    return { startedAt, tasks: request.body.ids.map((id, i) => asShown(id, views[i])) }
  })

  app.get<{ Params: { id: string } }>('/tasks/:id', async (request, _reply) => {
    const { id } = request.params
    const [view, explanation] = await Promise.all([background.get(id), background.explain(id)])
    return {
      ...asShown(id, view),
      explanation: explanation.text,
      input: view?.input,
      durability: view?.durability,
      addedAt: view?.addedAt,
    }
  })

  app.post<{ Params: { id: string } }>('/tasks/:id/requeue', async (request, reply) => {
    const done = await background.requeue(request.params.id)
    return reply
      .code(done ? 202 : 409)
      .send({ message: done ? 'It runs again.' : 'Only a task that has failed can run again.' })
  })
}

function asShown(id: string, view: TaskView | undefined): object {
  if (view === undefined) return { id, state: 'unknown' }
  const { name, state, attempt, crashes, handBacks, progress, result, error, dueAt, finishedAt } = view
  return {
    id,
    name,
    state,
    attempt,
    crashes,
    handBacks,
    progress,
    result,
    error: error?.message,
    dueAt: dueAt?.getTime(),
    finishedAt,
  }
}

function idsSchema(): object {
  const id = { type: 'string', minLength: 1, maxLength: 200 }
  return { type: 'object', required: ['ids'], properties: { ids: { type: 'array', maxItems: IDS_MAX, items: id } } }
}
