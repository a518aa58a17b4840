/** The page's buttons for trouble. The supervisor does what they say, once the answer is out. */
import type { FastifyInstance } from 'fastify'
import { unfinished } from './background.ts'
import { tellSupervisor } from './supervisor.ts'

export async function trouble(app: FastifyInstance): Promise<void> {
  // `defer` is the weaker verb: a plain function after the answer, lost if the process dies. Here that is the point.
  app.post('/trouble/kill', async (request, reply) => {
    const count = await unfinished()
    request.tasks.defer(() => tellSupervisor({ type: 'kill', unfinished: count }))
    return reply.code(202).send({ message: 'kill -9 is on its way.' })
  })

  app.post('/trouble/restart', async (request, reply) => {
    request.tasks.defer(() => tellSupervisor({ type: 'restart' }))
    return reply.code(202).send({ message: 'It stops in order, and starts again.' })
  })

  app.post('/trouble/refuse', async (_request, reply) => {
    tellSupervisor({ type: 'refuse', times: 2 })
    return reply.code(202).send({ message: 'The next two mails will be turned away.' })
  })
}
