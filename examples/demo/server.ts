/**
 * The web server of the demo: sign-ups are answered at once, their tasks run afterwards. It knows nothing of being killed:
 * it is an ordinary application, and what it acknowledged is in the store when it comes back.
 */
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import multipart from '@fastify/multipart'
import files from '@fastify/static'
import { isAfterwordError } from 'afterword'
import { fastifyTasks } from 'afterword/fastify'
import fastify, { type FastifyError } from 'fastify'
import { background, unfinished } from './background.ts'
import { openPhotos, PHOTO_BYTES_MAX, thumbnails } from './photos.ts'
import { host, port } from './settings.ts'
import { signup } from './signup.ts'
import { listenToSupervisor, tellSupervisor } from './supervisor.ts'
import { trouble } from './trouble.ts'
import { followTasks, live, watching } from './watching.ts'

const app = fastify()

app.addHook('onRequest', async (request, reply) => {
  reply.headers({
    'content-security-policy': "default-src 'self'; img-src 'self' blob:; base-uri 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })
  // Another site that is open in the same browser may not press our buttons.
  const site = request.headers['sec-fetch-site']
  if (request.method !== 'GET' && site !== undefined && site !== 'same-origin') {
    return reply.code(403).send({ message: 'That came from another site.' })
  }
})

app.setErrorHandler((error: FastifyError, _request, reply) => {
  const status = error.statusCode ?? 500
  if (status >= 500) console.error(error)
  const isTooLarge = error.code === 'FST_REQ_FILE_TOO_LARGE'
  return reply.code(status).send({ message: isTooLarge ? 'That photograph is larger than 8 MB.' : firstLine(error) })
})

followTasks()
listenToSupervisor((message) => live.tell(message))
background.on('worker:rescued', ({ requeued, quarantined }) => {
  const aside = quarantined.length === 0 ? '' : `, ${quarantined.length} set aside`
  tellSupervisor({ type: 'happened', text: `took back ${requeued.length} tasks that the dead process held${aside}` })
})
background.on('stopped', ({ finished, handedBack, abandoned }) => {
  const account = `stopped: ${finished} finished, ${handedBack.length} handed back, ${abandoned.length} abandoned`
  console.log(account)
  tellSupervisor({ type: 'happened', text: account })
})

try {
  await openPhotos()
  await app.register(fastifyTasks, { background })
  await app.register(multipart, { limits: { fileSize: PHOTO_BYTES_MAX, files: 1, fields: 10, fieldSize: 1000 } })
  await app.register(files, { root: join(import.meta.dirname, 'public') })
  await app.register(files, { root: thumbnails, prefix: '/thumbnails/', decorateReply: false })
  await app.register(signup)
  await app.register(watching)
  await app.register(trouble)
  await background.start()
  await app.listen({ host, port })
} catch (error) {
  console.error(reason(error))
  process.exit(1)
}
background.handleSignals({ close: () => app.close() })
tellSupervisor({ type: 'listening', port: (app.server.address() as AddressInfo).port, unfinished: await unfinished() })

/** Why it could not start, in one line. */
function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') {
    return `Port ${port} is in use: stop what uses it, or set PORT to another, as in PORT=3001 npm start.`
  }
  if (code === 'EACCES' && !isAfterwordError(error)) {
    return `Port ${port} needs more rights than this process has: set PORT to another.`
  }
  if (code === 'EADDRNOTAVAIL') return `This machine has no address ${host}: set HOST to one that it has.`
  return isAfterwordError(error) ? firstLine(error) : message
}

function firstLine(error: Error): string {
  return error.message.split('\n')[0] ?? error.message
}
