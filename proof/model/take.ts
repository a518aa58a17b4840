/** What a step does to a state. */
import { Rows, type Answer } from './rows.ts'
import type { Attempt, State, Worker } from './state.ts'
import { noAttempt } from './state.ts'
import type { Step } from './step.ts'
import type { Rules } from './steps.ts'

const NOTHING: Answer = {}

/** Takes the step in place and says what the store answered. Throws IllegalMove when the table has no such move. */
export function take(state: State, step: Step, rules: Rules): Answer {
  const answer = new Taking(state, rules).take(step)
  tidy(state, rules)
  return answer
}

class Taking {
  readonly #state: State
  readonly #rules: Rules
  readonly #rows: Rows

  constructor(state: State, rules: Rules) {
    this.#state = state
    this.#rules = rules
    this.#rows = new Rows(state, rules.protocol, rules.scope)
  }

  take(step: Step): Answer {
    switch (step.verb) {
      case 'add':
        return this.#add(step)
      case 'due':
        this.#rows.due()
        return { claimed: [] }
      case 'claim':
        return this.#claim(step)
      case 'commit':
        return this.#commit(step)
      case 'handBack':
        return this.#handBack(step)
      case 'stop':
        return this.#stop(step.worker)
      case 'leave':
        this.#rows.retire(step.worker)
        this.#endProcess(this.#worker(step.worker).process)
        return NOTHING
      case 'kill':
        this.#state.budget.kills--
        this.#endProcess(step.process)
        return NOTHING
      case 'restart':
        this.#start(step.process)
        return NOTHING
      case 'learn':
        return this.#learn(step.worker)
      case 'rescue':
        return this.#rescue(step)
      case 'reap':
        return this.#reap()
      case 'cancel':
        this.#state.budget.cancels--
        return this.#rows.cancel(step.task)
      case 'requeue':
        this.#state.budget.requeues--
        return this.#rows.requeue(step.task)
      case 'prune':
        return this.#rows.prune()
      case 'beat':
        return { alive: this.#rows.isRegistered(step.worker) }
      case 'requeue as':
        return { done: false }
      case 'cancel as':
        return this.#rows.cancel(step.task)
      case 'prune as':
        return { removed: 0 }
      case 'finish as':
        return { recorded: false, fenced: !this.#rows.isRegistered(step.worker) }
      case 'hand back as':
        return { handedBack: [] }
      case 'mark as':
        return { fenced: !this.#rows.isRegistered(step.worker) }
      default:
        return this.#attemptStep(step)
    }
  }

  /** What concerns one attempt, most of it inside of its process. */
  #attemptStep(
    step: Extract<Step, { verb: 'mark' | 'begin' | 'end' | 'hear' | 'lose' | 'refuse' | 'rerun' | 'believe' }>,
  ): Answer {
    const attempt = this.#attempt(step.worker, step.task)
    switch (step.verb) {
      case 'mark': {
        this.#rows.mark(step.task, this.#writerOf(step.worker), attempt.claims)
        attempt.early = false
        return { fenced: !this.#rows.isRegistered(this.#writerOf(step.worker)) }
      }
      case 'begin':
      case 'rerun':
        attempt.phase = 'running'
        return NOTHING
      case 'end':
        attempt.phase = 'ended'
        attempt.move = step.move
        if (step.move === 'defer') this.#state.budget.deferrals--
        return NOTHING
      case 'lose':
      case 'refuse':
        this.#state.budget.losses--
        attempt.phase = 'unknown'
        return NOTHING
      case 'hear':
      case 'believe':
        attempt.phase = 'none'
        return NOTHING
    }
  }

  #worker(incarnation: number): Worker {
    return this.#state.workers[incarnation - 1]!
  }

  #attempt(incarnation: number, task: number): Attempt {
    return this.#worker(incarnation).attempts[task]!
  }

  /** In whose name that worker's process writes: that of its latest incarnation. */
  #writerOf(incarnation: number): number {
    const { life, process } = this.#worker(incarnation)
    if (life === 'up') return incarnation
    return this.#state.workers.findIndex((worker) => worker.life === 'up' && worker.process === process) + 1
  }

  /** The worker has heard of a claim. */
  #hold(incarnation: number, task: number): void {
    const { claims, crashes, handBacks, deferrals, early, suspect } = this.#state.rows[task]!
    Object.assign(this.#attempt(incarnation, task), {
      phase: 'held',
      claims,
      failed: claims - handBacks - deferrals - crashes,
      early,
      risky: suspect || crashes > 0,
    })
  }

  #add({ worker, tasks, how }: Extract<Step, { verb: 'add' }>): Answer {
    const added = tasks.map((task) => this.#rows.add(task, how, worker, this.#rules.scope.series && task > 0))
    for (const [i, state] of added.entries()) if (state === 'running') this.#hold(worker, tasks[i]!)
    return { added, fenced: !this.#rows.isRegistered(worker) }
  }

  #claim({ worker, early, heard }: Extract<Step, { verb: 'claim' }>): Answer {
    const claimed = this.#rows.claim(worker, early)
    if (heard) for (const task of claimed) this.#hold(worker, task)
    else this.#state.budget.losses--
    return { claimed, fenced: false }
  }

  #commit({ worker, task, room }: Extract<Step, { verb: 'commit' }>): Answer {
    const attempt = this.#attempt(worker, task)
    const writer = this.#writerOf(worker)
    const answer = this.#rows.finish(task, writer, attempt.claims, attempt.move, room)
    attempt.phase = 'replied'
    attempt.recorded = answer.recorded === true
    for (const taken of [...(answer.released ?? []), ...(answer.claimed ?? [])]) this.#hold(writer, taken)
    return answer
  }

  #handBack({ worker, task }: Extract<Step, { verb: 'handBack' }>): Answer {
    this.#state.budget.handBacks--
    const attempt = this.#attempt(worker, task)
    const isBack = this.#rows.handBack(task, worker, attempt.claims)
    if (isBack || this.#rules.protocol.handBackRefused === 'forgets the claim') attempt.phase = 'none'
    return { handedBack: isBack ? [task] : [] }
  }

  #stop(incarnation: number): Answer {
    const worker = this.#worker(incarnation)
    this.#state.budget.handBacks--
    worker.leaving = true
    const handedBack = this.#rows.handBackAll(incarnation)
    for (const attempt of worker.attempts) attempt.phase = 'none'
    return { handedBack }
  }

  #endProcess(process: number): void {
    for (const worker of this.#state.workers) {
      if (worker.process !== process) continue
      worker.life = 'dead'
      for (const attempt of worker.attempts) attempt.phase = 'none'
    }
    const { reaper } = this.#state
    if (reaper.process === process) Object.assign(reaper, { target: 0, process: 0, tasks: 0 })
  }

  #start(process: number): void {
    const isOld = (worker: Worker): boolean => worker.life === 'dead' && worker.process === process
    const old = this.#rules.protocol.restart === 'under the old identity' ? this.#state.workers.find(isOld) : undefined
    const worker = old ?? this.#state.workers.find(({ life }) => life === 'unborn')!
    Object.assign(worker, { life: 'up', process, registered: true, leaving: false })
  }

  #learn(incarnation: number): Answer {
    const worker = this.#worker(incarnation)
    worker.life = 'former'
    // What it runs is told that its claim is lost, and ends without an outcome.
    for (const attempt of worker.attempts) {
      if (attempt.phase === 'held' || attempt.phase === 'running') attempt.phase = 'none'
    }
    this.#start(worker.process)
    return { alive: false }
  }

  #rescue({ worker, by, fences }: Extract<Step, { verb: 'rescue' }>): Answer {
    const { life } = this.#worker(worker)
    if (life !== 'dead' && fences) this.#state.budget.wrongRescues--
    const tasks = this.#rows.ownedBy(worker)
    if (!fences) return this.#rows.rescueTasks(tasks)
    if (this.#rules.protocol.rescue === 'in one transaction') return this.#rows.rescue(worker)
    this.#rows.retire(worker)
    const bits = tasks.reduce((sum, task) => sum | (1 << task), 0)
    Object.assign(this.#state.reaper, { target: worker, process: by, tasks: bits })
    return NOTHING
  }

  #reap(): Answer {
    const { target, tasks } = { ...this.#state.reaper }
    Object.assign(this.#state.reaper, { target: 0, process: 0, tasks: 0 })
    const selected = this.#state.rows.flatMap((_, task) => ((tasks & (1 << task)) !== 0 ? [task] : []))
    const { rescue } = this.#rules.protocol
    if (rescue === 'fences, then requeues once') return this.#rows.rescueTasks(this.#rows.ownedBy(target))
    if (rescue === 'selects, then requeues by id') return this.#rows.rescueTasks(selected)
    for (const task of selected) this.#rows.giveUp(task)
    return NOTHING
  }
}

/** What nobody will ask for again is forgotten, so that states that differ in nothing else are one. */
function tidy({ workers }: State, { protocol }: Rules): void {
  for (const worker of workers) {
    for (const attempt of worker.attempts) tidyAttempt(attempt)
    if (worker.life === 'former' && worker.attempts.every(({ phase }) => phase === 'none')) worker.life = 'dead'
    if (worker.life !== 'dead') continue
    worker.leaving = false
    if (!worker.registered || protocol.restart === 'as a fresh incarnation') worker.process = 0
  }
}

function tidyAttempt(attempt: Attempt): void {
  if (attempt.phase === 'none') Object.assign(attempt, noAttempt())
  else if (attempt.phase === 'held' || attempt.phase === 'running') attempt.risky &&= attempt.early
  else Object.assign(attempt, { failed: 0, early: false, risky: false })
}
