/**
 * Refinement: every step that the model takes, the shipping store takes too, from the same state, and has to end in the
 * same state with the same answer. What the model refuses, the store has to refuse. So a fault in the SQL is found with
 * the shortest way to it. The model's own invariants then hold for the store as well, up to the size of the scope.
 */
import { isDeepStrictEqual } from 'node:util'
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

class Walk {
  readonly #graph: Exploration
  readonly #live: LiveStore
  /** What the store held in each state, as it was first met. */
  readonly #snapshots: Snapshot[] = []
  readonly #probed = new Set<string>()
  #edges = 0

  constructor(graph: Exploration, live: LiveStore) {
    this.#graph = graph
    this.#live = live
    this.#snapshots[0] = live.snapshot()
  }

  async run(): Promise<Refinement> {
    for (let index = 0; index < this.#graph.states; index++) {
      const before = this.#graph.state(index)
      for (const step of [...stepsOf(before, this.#graph.rules), ...this.#freshProbes(before)]) {
        const difference = await this.#compare(index, step)
        if (difference !== undefined) return { edges: this.#edges, violation: this.#violation(index, step, difference) }
      }
    }
    return { edges: this.#edges, violation: undefined }
  }

  /** Probes depend on what is stored alone: many states hold the same rows, and one of them is enough. */
  #freshProbes(state: State): Probe[] {
    const probes = probesOf(state)
    const rows = state.rows.map((row) => ({ ...row, ends: 0, effects: 0 }))
    const stored = JSON.stringify([rows, state.workers.map(({ registered }) => registered), probes])
    if (this.#probed.has(stored)) return []
    this.#probed.add(stored)
    return probes
  }

  /** The step in the model and in the store; what differs afterwards, or undefined. */
  async #compare(index: number, step: Step): Promise<string | undefined> {
    const { rules, scope } = this.#graph
    const after = this.#graph.state(index)
    const expected = take(after, step, rules)
    const to = this.#graph.indexOf(after)
    const snapshot = this.#snapshots[index]!
    const doing = this.#doing(snapshot, step, index)
    if (doing === undefined) {
      this.#snapshots[to] ??= snapshot
      return undefined
    }
    this.#edges++
    const answer = await doing
    const then = this.#live.snapshot()
    if (step.verb === 'leave') await this.#live.know(step.worker)
    this.#snapshots[to] ??= then
    return answerDifference(expected, answer) ?? rowsDifference(after, then, scope.tasks)
  }

  #doing(snapshot: Snapshot, step: Step, index: number): Promise<Answer> | undefined {
    // A look before the restore: most steps inside of a process need none.
    if (STAYS_INSIDE.has(step.verb)) return undefined
    this.#live.restore(snapshot)
    return execute(this.#live.store, step, this.#graph.state(index), this.#graph.scope)
  }

  #violation(index: number, step: Step, difference: string): Violation {
    const last: TracedStep = { step, state: undefined }
    const trace = [...this.#graph.trace(index), last]
    return { mode: 'store', scope: this.#graph.scope.says, message: `the store differs from the model: ${difference}`, trace }
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
    if (!isThere || line === undefined) return `task ${i + 1} is ${line === undefined ? 'not ' : ''}in the store, but ${row.state}`
    const [want, got] = [columnsOf(row), Object.fromEntries(Object.keys(columnsOf(row)).map((key) => [key, line[key]]))]
    // Whether it was claimed ahead of its turn means something only while it runs.
    if (row.state !== 'running') got['early'] = 0
    if (!isDeepStrictEqual(want, got)) return `task ${i + 1} is ${differing(got, want)}`
    if (row.state === 'waiting' && line['after'] !== IDS[i - 1]) return `task ${i + 1} waits behind ${String(line['after'])}`
  }
  if (ids.size !== task.length) return 'a task is stored twice'
  return workersDifference(state, worker) ?? countersDifference(state, counter)
}

/** The columns that the model speaks of, with what they should hold. */
function columnsOf(row: Row): Record<string, unknown> {
  return {
    state: STATE_CODES[row.state as keyof typeof STATE_CODES],
    worker: row.owner === 0 ? null : row.owner,
    claims: row.claims,
    crashes: row.crashes,
    hand_backs: row.handBacks,
    deferrals: row.deferrals,
    early: row.early ? 1 : 0,
    suspect: row.suspect ? 1 : 0,
    passed: row.passed ? 1 : 0,
    cancelling: row.cancelling ? 1 : 0,
  }
}

function differing(got: Record<string, unknown>, want: Record<string, unknown>): string {
  const keys = Object.keys(want).filter((key) => got[key] !== want[key])
  return keys.map((key) => `${key} ${String(got[key])} instead of ${String(want[key])}`).join(', ')
}

function workersDifference({ workers }: State, lines: Snapshot['worker']): string | undefined {
  const want = workers.flatMap(({ registered }, i) => (registered ? [i + 1] : []))
  const got = lines.map((line) => line['incarnation'])
  return isDeepStrictEqual(got, want) ? undefined : `workers ${got.join(', ')} are registered instead of ${want.join(', ')}`
}

/** C9, C15: the counters of the store are what a recount gives. */
function countersDifference({ rows }: State, lines: Snapshot['counter']): string | undefined {
  const live = rows.filter(isLive).length
  const waiting = rows.filter((row) => row.state === 'waiting').length
  const got = lines[0]
  if (got?.['live'] === live && got['waiting'] === waiting) return undefined
  return `it counts ${String(got?.['live'])} live and ${String(got?.['waiting'])} waiting instead of ${live} and ${waiting}`
}
