/**
 * An ordinary application: an HTTP server whose answers add tasks. Its environment says what is different:
 * STORE (a url), NOTES (a file that each task appends its input to), PORT, TROUBLE (what goes wrong), WORKS and GRACE (options),
 * START (it starts its background by itself).
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { nodeTasks } from '../../../src/adapters/node.ts'
import { type BackgroundTasks, createBackground, defineTask } from '../../../src/index.ts'

const { STORE, NOTES = '', PORT = '0', TROUBLE, WORKS, GRACE, START } = process.env

if (TROUBLE === 'dies') {
  console.error('there is no DATABASE_URL')
  process.exit(3)
}
if (TROUBLE === 'throws') throw new Error('there is no DATABASE_URL')
if (TROUBLE === 'never loads') {
  setInterval(() => undefined, 1_000)
  await new Promise(() => undefined)
}

/** Writes its line and who ran it: what it wrote survives whatever happens to its process. */
const note = defineTask({
  name: 'note',
  retry: { attempts: 1 },
  run: (text: string) => appendFileSync(NOTES, `${text} ${process.pid}\n`),
})

/** Goes on until its process is told to stop. */
const lasts = defineTask({
  name: 'lasts',
  queue: 'long',
  run: (_: undefined, { signal }) => new Promise<void>((_, reject) => signal.addEventListener('abort', reject)),
})

const background =
  TROUBLE === 'no background'
    ? undefined
    : createBackground({
        store: STORE ?? 'sqlite:./tasks.db',
        tasks: [note, lasts],
        ...(WORKS === undefined ? {} : { works: WORKS === 'true' }),
        ...(GRACE === undefined ? {} : { grace: Number(GRACE) }),
      })

const memory: Buffer[] = []

function answer(request: IncomingMessage, tasks: BackgroundTasks | undefined): string {
  const [, what, text = '', signal] = request.url?.split('/') ?? []
  if (what === 'note') tasks?.add(note, text)
  if (what === 'lasts') tasks?.add(lasts)
  if (what === 'kill') process.kill(Number(text), signal)
  if (what === 'orphan') return execFileSync('sh', ['-c', 'sleep 0.1 >/dev/null & echo $!'], { encoding: 'utf8' })
  if (what === 'state') return existsSync(`/proc/${text}`) ? 'there' : 'gone'
  if (what === 'fill') memory.push(Buffer.alloc(Number(text) * 1024 * 1024, 1))
  return `${process.pid} ${process.argv.slice(2).join(' ')}`.trim()
}

const server =
  background === undefined
    ? createServer((request, response) => response.end(answer(request, undefined)))
    : createServer(nodeTasks(background, (request, response, tasks) => response.end(answer(request, tasks))))

// Under the command line nobody has to.
if (START !== undefined) await background?.start()
background?.handleSignals({ server })
if (TROUBLE !== 'no server') server.listen(Number(PORT), '127.0.0.1', () => say('listens'))
background?.on('attempt:start', ({ attempt }) => say(`runs ${attempt.name}`))
background?.on('stopped', ({ handedBack }) => say(`stopped, ${handedBack.length} handed back`))

function say(what: string): void {
  const { port = 0 } = (server.address() ?? {}) as { port?: number }
  console.log(`${process.pid} ${what} at ${port}`)
}
