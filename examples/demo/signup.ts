/** POST /signup: the route that all of this is about. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { keepPhoto } from './photos.ts'
import { makeThumbnails, sendWelcome } from './tasks.ts'

const Form = z.object({
  name: z
    .string('Please tell me your name.')
    .trim()
    .min(1, 'Please tell me your name.')
    .max(80, 'That name is too long for me.'),
  email: z.email('That is not an e-mail address.').max(200, 'That address is too long for me.'),
})

export async function signup(app: FastifyInstance): Promise<void> {
  app.post('/signup', async (request, reply) => {
    const { fields, photo } = await readForm(request)
    const form = Form.safeParse(fields)
    if (!form.success) return reply.code(400).send({ message: form.error.issues[0]?.message })

    const photoId = photo && (await keepPhoto(photo))
    if (photo && photoId === undefined) {
      return reply
        .code(415)
        .send({ message: 'That is not a photograph that I can read: JPEG, PNG, WebP, AVIF or GIF, please.' })
    }

    // A series: they run in this order, after the answer. When this answer arrives, they are on disk.
    const tasks = []
    if (photoId) tasks.push({ name: makeThumbnails.name, id: request.tasks.add(makeThumbnails, { photoId }).id })
    tasks.push({ name: sendWelcome.name, id: request.tasks.add(sendWelcome, form.data).id })
    return reply.code(201).send({ photoId, tasks })
  })
}

/** An empty file field counts as none: browsers send one when no file was chosen. */
async function readForm(
  request: FastifyRequest,
): Promise<{ fields: Record<string, unknown>; photo: Buffer | undefined }> {
  const fields: Record<string, unknown> = {}
  let photo: Buffer | undefined
  for await (const part of request.parts()) {
    if (part.type === 'field') fields[part.fieldname] = part.value
    else photo = await part.toBuffer()
  }
  return { fields, photo: photo?.length ? photo : undefined }
}
