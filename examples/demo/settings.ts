/** What the environment can change. */
import { resolve } from 'node:path'

const { env } = process

/** Where the page is served. By default nobody else can reach it. */
export const host = env['HOST'] || '127.0.0.1'

/** 0 is any free port. */
export const port = Number(env['PORT'] || 3000)

/** Holds everything that the demo writes. */
export const dataDir = resolve(env['DATA_DIR'] || 'data/demo')

/** Where the mailbox listens; the supervisor tells the web server. */
export const smtpPort = Number(env['SMTP_PORT'] || 0)
