import type { Block } from '../model/block.ts'
import type { AttemptEnd, AttemptFacts, BackgroundEvents, EventName, StopAccount, TaskFacts } from '../model/events.ts'
import { lackText } from '../model/lack.ts'
import type { Logger } from '../model/logger.ts'
import type { EventHub } from './event-hub.ts'

type Level = keyof Logger
type Line<N extends EventName> = (event: BackgroundEvents[N]) => { level: Level; fields: object; message: string }

function task({ id, name, queue, requestId }: TaskFacts): object {
  return { task: name, taskId: id, queue, ...(requestId === undefined ? {} : { requestId }) }
}

function attempt(facts: AttemptFacts): object {
  return { ...task(facts), attempt: facts.attempt, worker: facts.worker }
}

function end(e: AttemptEnd): object {
  const retry = e.retryInMs === undefined ? {} : { retryInMs: e.retryInMs }
  return { ...attempt(e.attempt), state: e.state, ranMs: Math.round(e.ranMs * 100) / 100, ...retry }
}

/** One line per transition: what a person with a lost task asks for first. */
const LINES: { [N in EventName]: Line<N> } = {
  'task:added': (e) => ({
    level: 'debug',
    fields: { ...task(e.task), state: e.state },
    message: `task added, ${e.state}`,
  }),
  'task:dropped': (e) => ({
    level: 'warn',
    fields: { ...task(e.task), status: e.status, on: e.on },
    message: `task "${e.task.name}" dropped: the answer was ${e.status} and it is kept on ${e.on} only`,
  }),
  'attempt:start': (e) => ({
    level: 'debug',
    fields: { ...attempt(e.attempt), waitedMs: e.waitedMs },
    message: 'attempt started',
  }),
  'attempt:end': (e) => ({
    level: 'debug',
    fields: end(e),
    message: `attempt ${e.attempt.attempt} of "${e.attempt.name}" ended, ${e.state}`,
  }),
  'attempt:failed': (e) => ({
    level: e.state === 'failed' ? 'error' : 'warn',
    fields: { ...end(e), error: e.error },
    message: failureMessage(e),
  }),
  'attempt:abandoned': (e) => ({
    level: 'error',
    fields: { ...attempt(e.attempt), reason: e.reason },
    message: `attempt of "${e.attempt.name}" went on after its signal had aborted (${e.reason}); it was given up and its place freed`,
  }),
  'claim:lost': (e) => ({
    level: 'warn',
    fields: attempt(e.attempt),
    message: `attempt of "${e.attempt.name}" ended after its claim had gone to another worker; its outcome was not stored`,
  }),
  'attempt:progress': (e) => ({
    level: 'debug',
    fields: { ...attempt(e.attempt), progress: e.value },
    message: 'progress',
  }),
  'defer:failed': (e) => ({
    level: 'error',
    fields: { err: e.error, requestId: e.requestId },
    message: 'a deferred function threw',
  }),
  'worker:registered': (e) => ({
    level: 'info',
    fields: { worker: e.worker, store: e.store },
    message: `worker ${e.worker} registered at ${e.store}`,
  }),
  'worker:fenced': (e) => ({
    level: 'error',
    fields: { worker: e.worker, lost: e.lost, ...(e.stillMs === undefined ? {} : { stillMs: e.stillMs }) },
    message: `worker ${e.worker} ${fencedBecause(e.stillMs)}; it has registered anew`,
  }),
  'worker:rescued': (e) => ({
    level: e.quarantined.length > 0 ? 'error' : 'warn',
    fields: { worker: e.worker, requeued: e.requeued.length, quarantined: e.quarantined },
    message: `worker ${e.worker} died; ${e.requeued.length} of its tasks are ready again, ${e.quarantined.length} quarantined`,
  }),
  'task:unknown': (e) => ({
    level: 'warn',
    fields: { task: e.name, version: e.version, queue: e.queue, lack: e.lack },
    message: `tasks "${e.name}" wait in queue "${e.queue}" for a worker that can run them: ${lackText(e.lack, e)}`,
  }),
  'task:known': (e) => ({
    level: 'warn',
    fields: { task: e.name, version: e.version, queue: e.queue },
    message: `tasks "${e.name}" in queue "${e.queue}" have found a worker that can run them, or are ready no more`,
  }),
  'loop:blocked': (e) => ({
    // Without a place nothing was executing: the machine was busy elsewhere, or collected garbage.
    level: e.place === undefined ? 'info' : 'warn',
    fields: blockedFields(e),
    message: blockedMessage(e),
  }),
  'task:moved': (e) => ({
    level: 'warn',
    fields: { task: e.name, times: e.times },
    message: `task "${e.name}" has blocked the event loop ${e.times} times; its attempts run in threads from here on`,
  }),
  'session:pool-small': (e) => ({
    level: 'warn',
    fields: { session: e.session, size: e.size, concurrency: e.concurrency },
    message: `session "${e.session}" has ${e.size} connections, and ${e.concurrency} attempts may run at once: give its pool as many, and some for requests, or lower \`concurrency\``,
  }),
  'pulse:started': () => ({
    level: 'debug',
    fields: {},
    message: 'the pulse thread keeps the lease and watches the event loop',
  }),
  'pulse:failed': (e) => ({
    level: 'warn',
    fields: { err: e.error },
    message: 'the pulse thread has ended; the lease is kept on the event loop from here on',
  }),
  'store:error': (e) => ({
    level: 'error',
    fields: { err: e.error },
    message: 'the store refused; what was acknowledged is kept',
  }),
  'store:failed': (e) => ({ level: 'error', fields: { err: e.error }, message: 'the store has stopped for good' }),
  stopped: (e) => ({
    // What was left is for somebody to know; a clean stop is no news.
    level: e.handedBack.length + e.abandoned.length + e.leftToRescue.length + e.deferred > 0 ? 'warn' : 'info',
    fields: {
      finished: e.finished,
      handedBack: e.handedBack.length,
      abandoned: e.abandoned.map((facts) => facts.id),
      leftToRescue: e.leftToRescue,
      deferred: e.deferred,
    },
    message: accountLine(e),
  }),
}

function fencedBecause(stillMs: number | undefined): string {
  if (stillMs === undefined) return 'was declared dead by another one (stopped for longer than its lease)'
  return `gave its tasks to others, because the event loop had stood still for ${stillMs} ms`
}

function blockedFields({ name, taskId, requestId, ms, ...rest }: Block): object {
  const request = requestId === undefined ? {} : { requestId }
  return { ...(name === undefined ? {} : { task: name, taskId }), ...request, ...rest, ms: Math.round(ms) }
}

/** What a person needs who has to find it: who, how long, where, and what to do. */
function blockedMessage({ by, name, taskId, requestId, place, ms, times, function: called }: Block): string {
  const who = {
    task: `task "${name}"${taskId === undefined ? '' : ` (${taskId})`}`,
    request: `a request handler${requestId === undefined ? '' : ` (request ${requestId})`}`,
    unknown: 'something',
  }[by]
  const where = place === undefined ? '' : ` at ${called === '' ? place : `${called} (${place})`}`
  const often = times === 1 ? '' : `, ${times} times since the last report`
  const remedy = {
    task: 'let it await between pieces, or run beside the loop with thread: true',
    request: 'let it await between pieces, or move the work into a task with thread: true',
    unknown: 'work that computes belongs into a task with thread: true',
  }[by]
  return `${who} blocked the event loop for ${Math.round(ms)} ms${where}${often}: ${remedy}`
}

function failureMessage({ attempt: facts, state, error, retryInMs }: AttemptEnd): string {
  const what = `attempt ${facts.attempt} of "${facts.name}"`
  const why = error?.message ?? 'no reason was given'
  if (state === 'scheduled') return `${what} failed, the next is in ${retryInMs} ms: ${why}`
  if (state === 'failed') return `${what} failed, and it was the last: ${why}`
  return `${what} ended, ${state}: ${why}`
}

/** The account of a stop in one line: what was finished, handed back, abandoned, and what is not there in a clean stop. */
export function accountLine(account: StopAccount): string {
  const left = account.abandoned.map((facts) => `${facts.name} ${facts.id}`).join(', ')
  return (
    `afterword stopped: ${account.finished} finished, ${account.handedBack.length} handed back, ` +
    `${account.abandoned.length} abandoned${left === '' ? '' : ` (${left})`}` +
    (account.leftToRescue.length === 0 ? '' : `, ${account.leftToRescue.length} left to be rescued`) +
    (account.deferred === 0 ? '' : `, ${account.deferred} deferred functions lost`)
  )
}

/** Events that are made for every task: worth making for a log only when it shows debug lines. */
const FREQUENT: ReadonlySet<EventName> = new Set(['task:added', 'attempt:start', 'attempt:end', 'attempt:progress'])

/** Writes a line for each event. With `debug` false the frequent ones cost nothing. */
export function report(hub: EventHub, logger: Logger, debug: boolean): void {
  for (const name of Object.keys(LINES) as EventName[]) {
    if (!FREQUENT.has(name) || debug) follow(hub, logger, name)
  }
}

function follow<N extends EventName>(hub: EventHub, logger: Logger, name: N): void {
  const line: Line<N> = LINES[name]
  hub.on(name, (event) => {
    const { level, fields, message } = line(event)
    logger[level](fields, message)
  })
}
