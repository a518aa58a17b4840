/**
 * The load generator: a process of its own that keeps connections busy over plain sockets, one request under way on each.
 * It does so little per request that the server on the other core stays the bottleneck; every slice says how busy the
 * generator was, and the report complains when it was the slower one.
 *
 * Answers count from `settleMs` on, when all connections are at work, to the end; a slice in which the machine hardly got to
 * answer is no measurement, so it goes on until there are as many answers as connections. An answer that was asked for
 * before the end is awaited, for a while.
 */
import { connect, type Socket } from 'node:net'
import { answer } from './child.ts'
import { percentile } from './statistics.ts'

/** Connections that ask for the same path. */
export interface LoadGroup {
  readonly path: string
  readonly connections: number
  /** So many requests a second over all connections of the group, evenly spread; as many as the server answers by default. */
  readonly perSecond?: number
}

/** What to do. */
export interface LoadOrder {
  readonly port: number
  readonly ms: number
  readonly settleMs: number
  readonly groups: readonly LoadGroup[]
  /** The server will be killed: a broken connection is no failure, and the numbers in the answers are wanted. */
  readonly killed?: boolean
}

/** What one group saw. */
export interface GroupResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers in the whole slice, those of the settling included. */
  readonly answered: number
  /** Answers that were not 200, and connections that broke. */
  readonly failed: number
  /** With `killed`: the numbers of the tasks that were acknowledged. */
  readonly acknowledged: readonly number[]
}

/** What came of it. */
export interface LoadResult {
  readonly groups: readonly GroupResult[]
  /** The share of one core that the generator used, 0 to 1. */
  readonly busy: number
}

/** How long after the end of a slice an answer may take. */
const ANSWER_MS_MAX = 20_000

const STATUS_200 = Buffer.from('HTTP/1.1 200 ')

/** The state of a group while it is under load. */
interface Running {
  readonly group: LoadGroup
  readonly request: Buffer
  readonly latencies: number[]
  readonly acknowledged: number[]
  answered: number
  failed: number
  /** When the last answer that counts arrived. */
  lastMs: number
}

async function load(order: LoadOrder): Promise<LoadResult> {
  const begunMs = performance.now()
  const cpu = process.cpuUsage()
  const window = { fromMs: begunMs + order.settleMs, untilMs: begunMs + order.ms }
  const running = order.groups.map((group) => ({
    group,
    latencies: [],
    acknowledged: [],
    answered: 0,
    failed: 0,
    lastMs: 0,
    request: Buffer.from(`GET ${group.path} HTTP/1.1\r\nHost: bench\r\n\r\n`),
  }))
  await Promise.all(
    running.flatMap((state) =>
      Array.from({ length: state.group.connections }, (_, index) => drive(order, state, window, index)),
    ),
  )
  const { user, system } = process.cpuUsage(cpu)
  return {
    busy: (user + system) / 1000 / (performance.now() - begunMs),
    groups: running.map(({ latencies, answered, failed, acknowledged, lastMs }) => {
      const sorted = Float64Array.from(latencies).sort()
      return {
        perSecond: latencies.length / ((Math.max(window.untilMs, lastMs) - window.fromMs) / 1000),
        p50Ms: percentile(sorted, 0.5),
        p99Ms: percentile(sorted, 0.99),
        answered,
        failed,
        acknowledged,
      }
    }),
  }
}

interface Window {
  readonly fromMs: number
  readonly untilMs: number
}

/** One connection, to its end. The length of the first answer is read from its head; the others are as long. */
function drive(order: LoadOrder, state: Running, { fromMs, untilMs }: Window, index: number): Promise<void> {
  const socket = connect({ port: order.port, host: '127.0.0.1', noDelay: true })
  const { perSecond, connections } = state.group
  const everyMs = perSecond === undefined ? 0 : (1000 / perSecond) * connections
  let dueMs = performance.now() + (everyMs * index) / connections
  let sentMs = 0
  let length = 0
  let got = 0
  let isDone = false
  const send = (countedFromMs: number): void => {
    sentMs = countedFromMs
    socket.write(state.request)
  }
  const leave = (): void => {
    isDone = true
    socket.end()
  }
  // A paced request is due at a fixed time, whatever became of the one before it: one that the server made late counts
  // from then, one that waited for its time counts from when it was sent, for the timer's lateness is not the server's.
  const sendNext = (): void => {
    if (everyMs === 0) return send(performance.now())
    dueMs += everyMs
    if (dueMs >= untilMs) return leave()
    const aheadMs = dueMs - performance.now()
    if (aheadMs <= 0) send(dueMs)
    else setTimeout(() => send(performance.now()), aheadMs)
  }
  const fail = (): void => {
    if (!isDone && order.killed !== true) state.failed++
    isDone = true
    socket.destroy()
  }
  socket.once('connect', sendNext)
  // Whoever does not answer at all has failed.
  const patience = setTimeout(fail, untilMs - performance.now() + ANSWER_MS_MAX)
  socket.once('close', () => clearTimeout(patience))
  socket.once('error', fail)
  socket.once('end', fail)
  socket.on('data', (chunk) => {
    if (got === 0 && chunk.compare(STATUS_200, 0, STATUS_200.length, 0, STATUS_200.length) !== 0) return fail()
    if (length === 0) length = answerLength(chunk)
    got += chunk.length
    if (got < length) return
    got = 0
    const nowMs = performance.now()
    state.answered++
    if (order.killed === true) state.acknowledged.push(numberIn(chunk))
    const isOpen = nowMs < untilMs || state.latencies.length < connections
    if (nowMs >= fromMs && isOpen) {
      state.latencies.push(nowMs - sentMs)
      state.lastMs = nowMs
    }
    if (isOpen) sendNext()
    else leave()
  })
  return closed(socket)
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

function answerLength(chunk: Buffer): number {
  const text = chunk.toString('latin1')
  const body = Number(/content-length: (\d+)/i.exec(text)?.[1])
  const head = text.indexOf('\r\n\r\n')
  if (head < 0 || Number.isNaN(body)) throw new Error(`The first answer came without its length: ${text}`)
  return head + 4 + body
}

/** The number of the task that an answer acknowledges: eight digits, for answers are all as long. */
function numberIn(chunk: Buffer): number {
  return Number(/(\d{8})"\}$/.exec(chunk.toString('latin1'))?.[1])
}

answer({}, load)
