import type { EndMove } from './state.ts'

/** How a task comes in. `early`: claimed ahead of its turn. */
export type AddHow = 'claimed' | 'early' | 'ready' | 'scheduled'

/** What a worker has room for: nothing, a task that begins at once, or one ahead of its turn. */
export type Room = 'none' | 'place' | 'early'

/**
 * What can happen next. Workers are incarnations, counted from 1; tasks are counted from 0. Each step is one transaction
 * of the store, or something inside of one process, and a process can stop between any two of them.
 */
export type Step =
  | { readonly verb: 'add'; readonly worker: number; readonly tasks: readonly number[]; readonly how: AddHow }
  /** Time passes: what is scheduled is due, and a worker that looks makes it ready. */
  | { readonly verb: 'due'; readonly worker: number }
  | { readonly verb: 'claim'; readonly worker: number; readonly early: boolean; readonly heard: boolean }
  | { readonly verb: 'handBack'; readonly worker: number; readonly task: number }
  /** `mark`: that it has begun is written down. */
  | { readonly verb: 'mark' | 'begin'; readonly worker: number; readonly task: number }
  | { readonly verb: 'end'; readonly worker: number; readonly task: number; readonly move: EndMove }
  /** The outcome is written; a worker with room claims in the same transaction. */
  | { readonly verb: 'commit'; readonly worker: number; readonly task: number; readonly room: Room }
  /**
   * `hear`: the answer to a commit arrives. `lose`: it is lost. `refuse`: nothing was written, and the worker cannot tell.
   * `rerun` and `believe` are what lesser protocols do then.
   */
  | { readonly verb: 'hear' | 'lose' | 'refuse' | 'rerun' | 'believe'; readonly worker: number; readonly task: number }
  /** A graceful stop: everything is handed back, then the worker leaves. */
  | { readonly verb: 'stop' | 'leave'; readonly worker: number }
  | { readonly verb: 'kill' | 'restart'; readonly process: number }
  /** A worker hears that it was declared dead, and comes back as another incarnation. */
  | { readonly verb: 'learn'; readonly worker: number }
  | { readonly verb: 'rescue'; readonly worker: number; readonly by: number; readonly fences: boolean }
  /** The second half of a rescue that is not one transaction. */
  | { readonly verb: 'reap' }
  | { readonly verb: 'cancel' | 'requeue'; readonly task: number }
  | { readonly verb: 'prune' }
  | Probe

/** What a store has to refuse, or to answer without a change. No process of the protocol does these. */
export type Probe =
  | { readonly verb: 'beat'; readonly worker: number }
  | { readonly verb: 'requeue as' | 'cancel as'; readonly task: number }
  | { readonly verb: 'prune as' }
  | {
      readonly verb: 'finish as' | 'hand back as' | 'mark as'
      readonly worker: number
      readonly task: number
      readonly claims: number
      readonly move: EndMove
    }

/** The step in words. */
export function say(step: Step): string {
  switch (step.verb) {
    case 'add':
      return `worker ${step.worker} adds ${step.tasks.map((task) => `task ${task + 1}`).join(' and ')}, ${HOW[step.how]}`
    case 'due':
      return `what is scheduled is due: worker ${step.worker} makes it ready`
    case 'claim': {
      const what = `worker ${step.worker} claims${step.early ? ' ahead of its turn' : ''}`
      return step.heard ? what : `${what}, and never hears the answer`
    }
    case 'stop':
      return `worker ${step.worker} stops and gives everything back`
    case 'leave':
      return `worker ${step.worker} leaves, and its process ends`
    case 'kill':
      return `process ${step.process} is killed`
    case 'restart':
      return `process ${step.process} starts again`
    case 'learn':
      return `worker ${step.worker} hears that it was declared dead and registers again`
    case 'rescue':
      return `process ${step.by} takes worker ${step.worker} for dead${step.fences ? '' : ' (no fence)'}`
    case 'reap':
      return 'the reaper does the rest'
    case 'cancel':
      return `somebody cancels task ${step.task + 1}`
    case 'requeue':
      return `somebody requeues task ${step.task + 1}`
    case 'prune':
      return 'the history is pruned'
    case 'beat':
    case 'requeue as':
    case 'cancel as':
    case 'prune as':
    case 'finish as':
    case 'hand back as':
    case 'mark as':
      return sayProbe(step)
    default:
      return sayOfAttempt(step, `worker ${step.worker}`, `task ${step.task + 1}`)
  }
}

const HOW: Readonly<Record<AddHow, string>> = {
  claimed: 'claimed at once',
  early: 'claimed ahead of its turn',
  ready: 'ready',
  scheduled: 'for later',
}

const ROOM_SAYS: Readonly<Record<Room, string>> = {
  none: '',
  place: ', and claims',
  early: ', and claims ahead of its turn',
}

/** A step of one attempt, most of them inside of its process. */
type AttemptStep = Exclude<Extract<Step, { worker: number; task: number }>, Probe>

function sayOfAttempt(step: AttemptStep, worker: string, task: string): string {
  switch (step.verb) {
    case 'mark':
      return `${worker} writes down that ${task} has begun`
    case 'begin':
      return `${worker} begins ${task}`
    case 'handBack':
      return `${worker} gives ${task} back`
    case 'end':
      return `the attempt of ${task} at ${worker} ends: ${step.move}`
    case 'commit':
      return `${worker} writes how ${task} ended${ROOM_SAYS[step.room]}`
    case 'hear':
      return `${worker} hears the answer about ${task}`
    case 'lose':
      return `the answer about ${task} to ${worker} is lost`
    case 'refuse':
      return `nothing is written about ${task}, and ${worker} cannot tell`
    case 'rerun':
      return `${worker} takes that for a failure and runs ${task} again`
    case 'believe':
      return `${worker} takes that for recorded and forgets ${task}`
  }
}

function sayProbe(step: Probe): string {
  switch (step.verb) {
    case 'beat':
      return `worker ${step.worker} beats`
    case 'prune as':
      return 'the history is pruned, and nothing in it is old'
    case 'requeue as':
      return `somebody requeues task ${step.task + 1}, which is nothing to requeue`
    case 'cancel as':
      return `somebody cancels task ${step.task + 1}, which has ended`
    default: {
      const { verb, worker, task, claims, move } = step
      const what = { 'finish as': `outcome (${move})`, 'hand back as': 'hand-back', 'mark as': 'mark of a beginning' }[
        verb
      ]
      return `a stranger's ${what} arrives for task ${task + 1}, of worker ${worker} under claim ${claims}`
    }
  }
}
