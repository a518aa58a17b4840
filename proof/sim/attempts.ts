import { giveUp, retryAfter } from '../../src/index.ts'
import type { AbortReason, TaskContext } from '../../src/model/definition.ts'
import type { Clients } from './clients.ts'
import { type Plan, PLAIN, type Step } from './plans.ts'
import type { Machine, SimProcess } from './sim-process.ts'

/** What a task's function returns: tells results of different tasks apart. */
function resultOf({ id, attempt }: TaskContext): string {
  return `${id}#${attempt}`
}

/** What a task's function does in one process. A process that has died in this very turn begins and ends nothing. */
export function runAttempt(
  machine: Machine,
  clients: Clients,
  process: SimProcess,
  plan: Plan,
  context: TaskContext,
): unknown {
  if (process.dead) return new Promise(() => {})
  const { history } = machine
  const { life } = process
  const { id, attempt } = context
  const nth = clients.beginsOf(id)
  const step = plan.steps[Math.min(nth, plan.steps.length) - 1]!
  history.tell({ kind: 'begin', life, id, nth, step })
  if (step.progress) context.progress({ attempt })
  const end = (how: string): void => {
    if (!process.dead) history.tell({ kind: 'end', life, id, nth, how })
  }
  if (step.plain) return finish(step, context, end)
  return work(clients, process, step, context).then(
    () => finish(step, context, end),
    (error: unknown) => {
      // An add that was refused fails the attempt, too.
      end(context.signal.aborted ? `aborted ${(context.signal.reason as AbortReason).kind}` : 'throw')
      throw error
    },
  )
}

async function work(clients: Clients, process: SimProcess, step: Step, context: TaskContext): Promise<void> {
  if (step.does === 'poison') {
    process.die('of poison')
    return new Promise(() => {})
  }
  if (step.does === 'add') await clients.addFrom(process, 'plain', PLAIN, {})
  await new Promise<void>((resolve, reject) => {
    process.later(step.ms, resolve)
    if (step.does !== 'ignore') context.signal.addEventListener('abort', () => reject(context.signal.reason as Error))
  })
}

/** Throws or returns as the step says. */
function finish(step: Step, context: TaskContext, end: (how: string) => void): unknown {
  switch (step.does) {
    case 'throw':
      end('throw')
      throw new Error('as planned')
    case 'give-up':
      end('give-up')
      throw giveUp('as planned')
    case 'retry-after':
    case 'retry-free':
      end(step.does)
      throw retryAfter(step.ms, { costsAttempt: step.does === 'retry-after' })
    default:
      end('return')
      return resultOf(context)
  }
}
