/**
 * The program under test: `node server.ts <settings as JSON>`. An ordinary HTTP server that adds tasks to its answers and
 * runs them, and tells the history what it does. `POST /<n>` adds what the workload plans for request n.
 */
import { createServer, type IncomingMessage } from 'node:http'
import { flushCompileCache } from 'node:module'
import type { AddressInfo } from 'node:net'
import { nodeTasks } from '../../src/adapters/node.ts'
import { createBackground, defineTask, giveUp, type BackgroundTasks, type TaskContext } from '../../src/index.ts'
import { type AttemptEnding, HistoryWriter } from './history.ts'
import type { ServerSettings } from './server-settings.ts'
import { ServerStory } from './server-story.ts'
import { type Behaviour, type PlannedTask, planOf, QUEUES } from './workload.ts'

interface Input {
  readonly n: number
  readonly step: number
  readonly ms: number
  readonly behaviour: Behaviour
}

const settings = JSON.parse(process.argv[2] ?? '{}') as ServerSettings
const { server, seed, longShare } = settings
const history = new HistoryWriter(settings.history)
const story = new ServerStory(server, history)

const work = defineTask({
  name: 'work',
  retry: { attempts: 5, base: '40ms', cap: '200ms' },
  run: (input: Input, context) => {
    const mark = story.markOf(context)
    history.write({ what: 'begin', server, n: input.n, step: input.step, ...mark })
    const end = (how: AttemptEnding): void => history.write({ what: 'end', server, how, ...mark })
    return input.ms === 0 ? finish(input, context, end) : workFor(input, context, end)
  },
})

async function workFor(input: Input, context: TaskContext, end: (how: AttemptEnding) => void): Promise<string> {
  try {
    await untilDone(input.ms, context.signal)
  } catch (error) {
    end('interrupted')
    throw error
  }
  return finish(input, context, end)
}

function finish({ behaviour }: Input, { attempt }: TaskContext, end: (how: AttemptEnding) => void): string {
  if (behaviour === 'gives-up') {
    end('gave up')
    throw giveUp('on purpose')
  }
  if (behaviour === 'throws-first' && attempt === 1) {
    end('threw')
    throw new Error('The first attempt fails on purpose.')
  }
  end('ok')
  return 'done'
}

/** Rejects when the signal aborts. */
function untilDone(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    })
  })
}

const silent = (): void => undefined
const background = createBackground({
  store: `sqlite:${settings.file}`,
  name: settings.name,
  tasks: [work],
  queues: QUEUES,
  lease: settings.lease,
  beat: settings.beat,
  poll: settings.poll,
  grace: settings.grace,
  logger: { debug: silent, info: silent, warn: silent, error: silent },
})
story.follow(background)
// Who started it is gone: nobody would stop it any more.
process.on('disconnect', () => process.exit(1))
flushCompileCache()
await background.start()

const handler = nodeTasks(background, (req: IncomingMessage, res, tasks: BackgroundTasks) => {
  const n = Number(req.url?.slice(1))
  const ids = planOf(seed, n, longShare).map((task) => add(tasks, n, task))
  res.writeHead(201, { 'x-tasks': ids.join() }).end('kept')
})
const http = createServer(handler)
background.handleSignals({
  close: () => {
    const closed = new Promise((resolve) => http.close(resolve))
    http.closeIdleConnections()
    return closed
  },
})
http.listen(0, '127.0.0.1', () => process.send?.({ port: (http.address() as AddressInfo).port }))

function add(tasks: BackgroundTasks, n: number, task: PlannedTask): string {
  const { step, ms, behaviour, queue, priority, durability, delayMs, parallel, id } = task
  return tasks.add(
    work,
    { n, step, ms, behaviour },
    {
      queue,
      priority,
      durability,
      ...(delayMs === undefined ? { parallel } : { delay: delayMs }),
      ...(id === undefined ? {} : { id }),
    },
  ).id
}
