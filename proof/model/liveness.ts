/**
 * From every state there has to be a way to an end: a state in which every task that was added is final or gone. The
 * way may only use steps that need no misfortune and nobody's help (`isProgress`); it is looked for backwards, from all
 * ends at once.
 */
import type { Exploration, Violation } from './explore.ts'
import { isLive } from './rows.ts'

/** The states without a way to an end, the nearest to the beginning first. */
export function stuckStates(graph: Exploration): number[] {
  const { states, progress } = graph
  const [first, next] = reversed(graph)
  const reached = new Uint8Array(states)
  const waiting: number[] = []
  const reach = (index: number): void => {
    if (reached[index] === 1) return
    reached[index] = 1
    waiting.push(index)
  }
  for (let index = 0; index < states; index++) if (isEnd(graph, index)) reach(index)
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    for (let edge = first[index]!; edge !== -1; edge = next[edge]!) reach(progress.from(edge))
  }
  return Array.from({ length: states }, (_, index) => index).filter((index) => reached[index] === 0)
}

/** For each state the last edge that leads to it, and for each edge the one before to the same state. */
function reversed({ states, progress }: Exploration): [first: Int32Array, next: Int32Array] {
  const first = new Int32Array(states).fill(-1)
  const next = new Int32Array(progress.size)
  for (let edge = 0; edge < progress.size; edge++) {
    next[edge] = first[progress.to(edge)]!
    first[progress.to(edge)] = edge
  }
  return [first, next]
}

function isEnd(graph: Exploration, index: number): boolean {
  return !graph.state(index).rows.some(isLive)
}

/** What a stuck state is told as. */
export function stuckViolation(graph: Exploration, index: number): Violation {
  const { rows } = graph.state(index)
  const left = rows.flatMap((row, task) => (isLive(row) ? [`task ${task + 1} is ${row.state}`] : []))
  const message = `C8: from here nothing ever ends what was added: ${left.join(', ')}`
  return { mode: graph.rules.mode, scope: graph.scope.says, message, trace: graph.trace(index) }
}
