/** What happens after the answer: two tasks for each sign-up. */
import { defineTask } from 'afterword'
import { createTransport } from 'nodemailer'
import { z } from 'zod'
import { makeThumbnail, WIDTHS } from './photos.ts'
import { smtpPort } from './settings.ts'

const transport = createTransport({ host: '127.0.0.1', port: smtpPort, ignoreTLS: true })

/** It can run twice without harm: the same files are made again. */
export const makeThumbnails = defineTask({
  name: 'make-thumbnails',
  queue: 'pictures',
  input: z.object({ photoId: z.uuid() }),
  async run({ photoId }, context) {
    const made: number[] = []
    for (const width of WIDTHS) {
      await makeThumbnail(photoId, width)
      made.push(width)
      context.progress({ made })
    }
    return { photoId, made }
  },
})

/** A mail that was sent cannot be unsent, so each attempt gives it the same Message-ID: the mailbox tells it from another. */
export const sendWelcome = defineTask({
  name: 'send-welcome',
  queue: 'mail',
  input: z.object({ name: z.string(), email: z.email() }),
  retry: { attempts: 8, base: '2s', cap: '10s' },
  timeout: '30s',
  async run({ name, email }, context) {
    await transport.sendMail({
      from: { name: 'The afterword demo', address: 'demo@afterword.example' },
      to: { name, address: email },
      subject: `Welcome, ${name}`,
      text: `Hello ${name},\n\nyour sign-up was answered before this mail was written.\n`,
      messageId: `<${context.idempotencyKey}@afterword.example>`,
    })
  },
})
