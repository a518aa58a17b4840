/**
 * Refinement: every step that the model takes, the shipping store takes too, from the same state, and has to end in the
 * same state with the same answer. What the model refuses, the store has to refuse. So a fault in the SQL is found with
 * the shortest way to it. The model's own invariants then hold for the store as well, up to the size of the scope.
 */
import { isDeepStrictEqual } from 'node:util'
import { CANCELLING, EARLY, PASSED, SUSPECT } from '../../src/stores/sqlite/marks.ts'
import { STATE_CODES } from '../../src/stores/sqlite/rows.ts'
import { execute, IDS, registerAll } from './execute.ts'
import type { Exploration, TracedStep, Violation } from './explore.ts'
import { LiveStore, type Snapshot } from './live-store.ts'
import type { Answer } from './rows.ts'
import { isLive } from './rows.ts'
import type { Row, State } from './state.ts'
import type { Probe, Step } from './step.ts'
import { probesOf, stepsOf } from './steps.ts'
import { take } from './take.ts'

/** What the comparison did. */
export interface Refinement {
  /** Steps that the store took beside the model. */
  readonly edges: number
  readonly violation: Violation | undefined
}

/** Walks the explored graph once more, with the store beside it. */
export async function refine(graph: Exploration): Promise<Refinement> {
  const live = await LiveStore.open()
  try {
    await registerAll(live.store, graph.scope.processes)
    return await new Walk(graph, live).run()
  } finally {
    await live.close()
  }
}

/** A state of the model together with what the store held when it was reached, and how it was. */
interface Place {
  readonly index: number
  readonly snapshot: Snapshot
  readonly from: Place | undefined
  readonly step: Step | undefined
}

/**
 * A state of the model may stand for several contents of the store, which differ in what the model does not know of. Each
 * of them is walked on from, so that no such difference comes to matter unseen.
 */
class Walk {
  readonly #graph: Exploration
  readonly #live: LiveStore
  readonly #places: Place[] = []
  readonly #known = new Set<string>()
  readonly #probed = new Set<string>()
  #edges = 0

  constructor(graph: Exploration, live: LiveStore) {
    this.#graph = graph
    this.#live = live
    this.#enter({ index: 0, snapshot: live.snapshot(), from: undefined, step: undefined })
  }

  async run(): Promise<Refinement> {
    for (const place of this.#places) {
      const before = this.#graph.state(place.index)
      const steps = stepsOf(before, this.#graph.rules)
      for (const step of [...steps, ...this.#freshProbes(before, place)]) {
        const difference = await this.#compare(place, before, step, !steps.includes(step))
        if (difference !== undefined) return { edges: this.#edges, violation: this.#violation(place, step, difference) }
      }
    }
    return { edges: this.#edges, violation: undefined }
  }

  #enter(place: Place): void {
    const key = `${place.index} ${JSON.stringify(place.snapshot)}`
    if (this.#known.has(key)) return
    this.#known.add(key)
    this.#places.push(place)
  }

  /** Probes depend on what is stored alone: many states hold the same rows, and one of them is enough. */
  #freshProbes(state: State, { snapshot }: Place): Probe[] {
    const probes = probesOf(state)
    const key = JSON.stringify([snapshot, probes])
    if (this.#probed.has(key)) return []
    this.#probed.add(key)
    return probes
  }

  /** The step in the model and in the store; what differs afterwards, or undefined. */
  async #compare(place: Place, before: State, step: Step, isProbe: boolean): Promise<string | undefined> {
    const { rules, scope } = this.#graph
    const after = this.#graph.state(place.index)
    const expected = take(after, step, rules)
    const index = this.#graph.indexOf(after)
    let { snapshot } = place
    if (!STAYS_INSIDE.has(step.verb)) {
      this.#edges++
      this.#live.restore(snapshot)
      const answer = await execute(this.#live.store, step, before, scope)
      snapshot = this.#live.snapshot()
      if (step.verb === 'leave') await this.#live.know(step.worker)
      const difference = answerDifference(expected, answer) ?? rowsDifference(after, snapshot, scope.tasks)
      if (difference !== undefined) return difference
      if (isProbe) {
        return isDeepStrictEqual(snapshot.task, place.snapshot.task) ? undefined : 'what it refuses leaves a trace'
      }
    }
    this.#enter({ index, snapshot, from: place, step })
    return undefined
  }

  #violation(place: Place, step: Step, difference: string): Violation {
    const trace: TracedStep[] = [{ step, state: undefined }]
    for (let at = place; at.from !== undefined; at = at.from) {
      trace.unshift({ step: at.step!, state: this.#graph.state(at.index) })
    }
    const message = `the store differs from the model: ${difference}`
    return { mode: 'store', scope: this.#graph.scope.says, message, trace }
  }
}

const STAYS_INSIDE: ReadonlySet<Step['verb']> = new Set(['begin', 'end', 'hear', 'lose', 'refuse', 'kill'])

function answerDifference(expected: Answer, answer: Answer): string | undefined {
  for (const [key, value] of Object.entries(expected)) {
    const got = answer[key as keyof Answer]
    if (!isDeepStrictEqual(got, value)) {
      return `it answers ${key} ${JSON.stringify(got)} instead of ${JSON.stringify(value)}`
    }
  }
  return undefined
}

function rowsDifference(state: State, { task, worker, counter }: Snapshot, tasks: number): string | undefined {
  const ids = new Set(task.map((line) => line['id']))
  for (let i = 0; i < tasks; i++) {
    const line = task.find((line) => line['id'] === IDS[i])
    const row = state.rows[i]!
    const isThere = row.state !== 'absent' && row.state !== 'gone'
    if (!isThere && line === undefined) continue
    if (!isThere || line === undefined) {
      return `task ${i + 1} is ${line === undefined ? 'not ' : ''}in the store, but ${row.state}`
    }
    const [want, got] = [wanted(row), stored(line)]
    if (!isDeepStrictEqual(want, got)) return `task ${i + 1} is ${differing(got, want)}`
    if (row.state === 'waiting' && line['after'] !== IDS[i - 1]) {
      return `task ${i + 1} waits behind ${JSON.stringify(line['after'])}`
    }
  }
  if (ids.size !== task.length) return 'a task is stored twice'
  return workersDifference(state, worker) ?? countersDifference(state, counter)
}

/** What the model says of a row, in the words of the store. */
function wanted(row: Row): Record<string, unknown> {
  const { claims, crashes, deferrals, early, suspect, passed, cancelling } = row
  const state = STATE_CODES[row.state as keyof typeof STATE_CODES]
  const [worker, handBacks] = [row.owner === 0 ? null : row.owner, row.handBacks]
  return { state, worker, claims, crashes, handBacks, deferrals, early, suspect, passed, cancelling }
}

/** The same as it stands in the store. Whether it was claimed ahead of its turn means something only while it runs. */
function stored(line: Snapshot['task'][number]): Record<string, unknown> {
  const { state, worker, claims, crashes, deferrals, hand_backs: handBacks } = line
  const marks = line['marks'] as number
  const [early, suspect, passed, cancelling] = [EARLY, SUSPECT, PASSED, CANCELLING].map((mark) => (marks & mark) !== 0)
  const isRunning = state === STATE_CODES.running
  return {
    state,
    worker,
    claims,
    crashes,
    handBacks,
    deferrals,
    early: isRunning && early,
    suspect,
    passed,
    cancelling,
  }
}

function differing(got: Record<string, unknown>, want: Record<string, unknown>): string {
  const keys = Object.keys(want).filter((key) => got[key] !== want[key])
  return keys.map((key) => `${key} ${JSON.stringify(got[key])} instead of ${JSON.stringify(want[key])}`).join(', ')
}

function workersDifference({ workers }: State, lines: Snapshot['worker']): string | undefined {
  const want = workers.flatMap(({ registered }, i) => (registered ? [i + 1] : []))
  const got = lines.map((line) => line['incarnation'])
  return isDeepStrictEqual(got, want)
    ? undefined
    : `workers ${JSON.stringify(got)} are registered instead of ${JSON.stringify(want)}`
}

/** C9, C15: the counters of the store are what a recount gives. */
function countersDifference({ rows }: State, lines: Snapshot['counter']): string | undefined {
  const live = rows.filter(isLive).length
  const waiting = rows.filter((row) => row.state === 'waiting').length
  const got = lines[0]
  if (got?.['live'] === live && got['waiting'] === waiting) return undefined
  const [counted, recounted] = [got, { live, waiting }].map((counts) => JSON.stringify(counts))
  return `it counts ${counted} instead of ${recounted}`
}
