/**
 * Visits every state that can be reached, the nearest first, so that the way to a fault is the shortest there is. The
 * way is not stored: each state knows the one it was met from and the number of the step, and the steps of a state come
 * always in the same order.
 */
import { runningAtOnce, stateFault, stepFault } from './invariants.ts'
import { Packing } from './packed.ts'
import { IllegalMove } from './rows.ts'
import type { Scope } from './scopes.ts'
import { StateTable } from './state-table.ts'
import { initialState, type State } from './state.ts'
import type { Step } from './step.ts'
import { isProgress, type Rules, stepsOf } from './steps.ts'
import { take } from './take.ts'

/** A fault with the way that leads to it. */
export interface Violation {
  readonly mode: string
  readonly scope: string
  readonly message: string
  readonly trace: readonly TracedStep[]
}

/** One step of a trace, and the state after it; undefined when it could not be taken. */
export interface TracedStep {
  readonly step: Step
  readonly state: State | undefined
}

/** Edges of the graph as pairs of numbers of states; only kept where somebody walks them backwards. */
export class Edges {
  #from = new Int32Array(1024)
  #to = new Int32Array(1024)
  #size = 0

  get size(): number {
    return this.#size
  }

  from(edge: number): number {
    return this.#from[edge]!
  }

  to(edge: number): number {
    return this.#to[edge]!
  }

  add(from: number, to: number): void {
    if (this.#size === this.#from.length) [this.#from, this.#to] = [doubled(this.#from), doubled(this.#to)]
    this.#from[this.#size] = from
    this.#to[this.#size++] = to
  }
}

function doubled(numbers: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(numbers.length * 2)
  larger.set(numbers)
  return larger
}

/** See the top of the file. */
export class Exploration {
  readonly rules: Rules
  /** The steps that count as progress. */
  readonly progress = new Edges()
  edges = 0
  /** States in which a fenced attempt still runs beside the one that took its place. */
  zombies = 0
  violation: Violation | undefined
  readonly #packing: Packing
  readonly #table: StateTable
  readonly #key: Uint8Array
  #parents = new Int32Array(1024)
  #numbers = new Int32Array(1024)

  constructor(rules: Rules) {
    this.rules = rules
    this.#packing = new Packing(rules.scope)
    this.#table = new StateTable(this.#packing.bytes)
    this.#key = new Uint8Array(this.#packing.bytes)
    this.#enter(initialState(rules.scope), -1, 0)
  }

  get scope(): Scope {
    return this.rules.scope
  }

  get states(): number {
    return this.#table.size
  }

  /** A copy of the state with that number, to do with as one likes. */
  state(index: number): State {
    return this.#packing.unpack(this.#table.arena, this.#table.at(index))
  }

  /** Visits everything, or stops at the first fault. `keepsEdges`: for a walk backwards. */
  run(keepsEdges: boolean): this {
    for (let index = 0; index < this.#table.size && this.violation === undefined; index++) {
      const before = this.state(index)
      for (const [number, step] of stepsOf(before, this.rules).entries()) {
        const to = this.#follow(before, index, step, number)
        if (to === undefined) break
        this.edges++
        if (keepsEdges && isProgress(step)) this.progress.add(index, to)
      }
    }
    return this
  }

  /** The number of the state that the step leads to; undefined when it leads to a fault. */
  #follow(before: State, index: number, step: Step, number: number): number | undefined {
    const after = this.state(index)
    try {
      take(after, step, this.rules)
    } catch (error) {
      if (!(error instanceof IllegalMove)) throw error
      this.#fail(`C3: ${error.message}`, index, { step, state: undefined })
      return undefined
    }
    const fault = stepFault(before, step, after) ?? stateFault(after, this.scope)
    if (fault !== undefined) {
      this.#fail(fault, index, { step, state: after })
      return undefined
    }
    return this.#enter(after, index, number)
  }

  #fail(message: string, index: number, last: TracedStep): void {
    this.violation = { mode: this.rules.mode, scope: this.scope.says, message, trace: [...this.trace(index), last] }
  }

  #enter(state: State, parent: number, number: number): number {
    this.#packing.pack(state, this.#key, 0)
    const known = this.#table.size
    const index = this.#table.indexOf(this.#key)
    if (index < known) return index
    if (index === this.#parents.length) {
      ;[this.#parents, this.#numbers] = [doubled(this.#parents), doubled(this.#numbers)]
    }
    this.#parents[index] = parent
    this.#numbers[index] = number
    if (state.rows.some((_, task) => runningAtOnce(state, task) > 1)) this.zombies++
    return index
  }

  /** The number of a state that is the one given; only known ones can be asked for. */
  indexOf(state: State): number {
    this.#packing.pack(state, this.#key, 0)
    return this.#table.indexOf(this.#key)
  }

  /** The state that a state was first met from, and by which step. */
  origin(index: number): { readonly from: number; readonly step: Step } | undefined {
    const from = this.#parents[index]!
    return from === -1 ? undefined : { from, step: stepsOf(this.state(from), this.rules)[this.#numbers[index]!]! }
  }

  /** The shortest way to a state. */
  trace(index: number): TracedStep[] {
    const steps: TracedStep[] = []
    for (let at = index, origin = this.origin(at); origin !== undefined; at = origin.from, origin = this.origin(at)) {
      steps.unshift({ step: origin.step, state: this.state(at) })
    }
    return steps
  }
}
