/**
 * The demo: `npm start`, then open the page that it names.
 *
 * This process is the supervisor. It starts the web server (server.ts) as a child, starts it again whenever it was killed,
 * and keeps the mailbox, which has to survive that. The page has a button that makes it send SIGKILL.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBackground } from 'afterword'
import { Mailbox } from './mailbox.ts'
import type { Incident, ToServer, ToSupervisor } from './messages.ts'
import { dataDir, host, port } from './settings.ts'

const incidents: Incident[] = []
let server: ChildProcess | undefined
/** The web server was asked to stop because another is to take its place. */
let restarting = false
/** The demo was asked to stop. */
let stopping = false
let url = ''
let boundPort = port
let diedAt = 0

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
for (const signal of SIGNALS) {
  process.on(signal, () => {
    stopping = true
    if (server === undefined) process.exit(0)
    server.kill(signal)
  })
}

checkRuntime()
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  quit(`PORT must be a number from 0 to 65535, got "${process.env['PORT']}".`)
}
const demoId = openDataDir()
const mailbox = new Mailbox(join(dataDir, 'mailbox.jsonl'), {
  received: (mail) => tell({ type: 'mail', mail }),
  refused: (left) =>
    happened(`the mail server turned a mail away${left > 0 ? `, and will do so to ${left} more` : ''}`),
})
const smtpPort = await mailbox.listen()
startServer()

function startServer(): void {
  server = fork(join(import.meta.dirname, 'server.ts'), {
    env: { ...process.env, PORT: String(boundPort), DATA_DIR: dataDir, SMTP_PORT: String(smtpPort) },
  })
  tell({ type: 'hello', demoId, mails: [...mailbox.mails.values()], incidents })
  server.on('message', onMessage)
  let isListening = false
  server.on('message', (message: ToSupervisor) => (isListening ||= message.type === 'listening'))
  server.once('exit', (code, signal) => onExit(code, signal, isListening))
}

function onMessage(message: ToSupervisor): void {
  switch (message.type) {
    case 'listening':
      return onListening(message.port, message.unfinished)
    case 'happened':
      return remember(message.text)
    case 'kill':
      happened(`kill -9 ${server?.pid}, while ${tasks(message.unfinished)} not finished`)
      server?.kill('SIGKILL')
      return
    case 'restart':
      restarting = true
      happened(`kill ${server?.pid}: a polite stop, as for a deploy`)
      server?.kill('SIGTERM')
      return
    case 'refuse':
      mailbox.refuse(message.times)
      happened(`the mail server will turn away the next ${message.times} mails`)
  }
}

function onListening(listeningPort: number, unfinished: number): void {
  boundPort = listeningPort
  if (url === '') {
    url = `http://${host.includes(':') ? `[${host}]` : host}:${listeningPort}`
    console.log(`listening on ${url}`)
    return
  }
  const ms = Math.round(performance.now() - diedAt)
  happened(`process ${server?.pid} answers after ${ms} ms; ${tasks(unfinished)} left to do`)
}

/** Only a web server that had come up and was killed, or was asked to restart, is started again. */
function onExit(code: number | null, signal: NodeJS.Signals | null, wasListening: boolean): void {
  const again = wasListening && !stopping && (signal !== null || restarting)
  if (!again) {
    void mailbox.close()
    process.exitCode = code ?? (stopping ? 0 : 1)
    for (const name of SIGNALS) process.removeAllListeners(name)
    return
  }
  diedAt = performance.now()
  if (signal !== null) happened(`process ${server?.pid} is gone (${signal}), starting another`, true)
  restarting = false
  startServer()
}

/** A line in the terminal and on the page. */
function happened(text: string, isDeath = false): void {
  console.log(text)
  remember(text, isDeath)
}

/** A line on the page. */
function remember(text: string, isDeath = false): void {
  const incident = { at: Date.now(), text, isDeath }
  incidents.push(incident)
  if (incidents.length > 100) incidents.shift()
  tell({ type: 'incident', incident })
}

function tell(message: ToServer): void {
  // A server that is going cannot hear it; the next one is told everything when it comes.
  if (server?.connected) server.send(message, () => undefined)
}

function tasks(count: number): string {
  return count === 1 ? '1 task is' : `${count} tasks are`
}

/** Creating a background opens nothing, but refuses a Node that is too old. */
function checkRuntime(): void {
  try {
    createBackground()
  } catch (error) {
    quit((error as Error).message.split('\n')[0] ?? '')
  }
}

/** Makes the folder, and gives its id: pages tell by it whether their list is about this store. */
function openDataDir(): string {
  const file = join(dataDir, 'demo-id')
  try {
    mkdirSync(dataDir, { recursive: true })
    if (!existsSync(file)) writeFileSync(file, randomUUID())
    return readFileSync(file, 'utf8')
  } catch (error) {
    return quit(
      `The data folder ${dataDir} cannot be written (${(error as NodeJS.ErrnoException).code}): set DATA_DIR to one that can.`,
    )
  }
}

function quit(reason: string): never {
  console.error(reason)
  process.exit(1)
}
