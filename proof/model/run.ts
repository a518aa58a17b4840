/** Runs the modes over the worlds of a scope and adds up what they saw. */
import { Exploration, type Violation } from './explore.ts'
import { stuckStates, stuckViolation } from './liveness.ts'
import { PROTOCOL } from './protocol.ts'
import { refine } from './refine.ts'
import { type ModeName, type Scope, type ScopeName, SCOPES } from './scopes.ts'

/** What one world showed. */
export interface Seen {
  readonly mode: ModeName
  readonly scope: string
  readonly states: number
  readonly edges: number
  readonly zombies: number
  readonly stuck: number
  readonly storeEdges: number
  readonly violation: Violation | undefined
  readonly seconds: number
}

/** Explores world after world and stops after the first in which something is wrong; `tell` hears of each. */
export async function run(name: ScopeName, modes: readonly ModeName[], tell: (seen: Seen) => void): Promise<Seen[]> {
  const all: Seen[] = []
  for (const mode of modes) {
    for (const scope of SCOPES[name][mode]) {
      const seen = await explore(mode, scope)
      all.push(seen)
      tell(seen)
      if (seen.violation !== undefined) return all
    }
  }
  return all
}

/** Explores one world in one mode. */
export async function explore(mode: ModeName, scope: Scope): Promise<Seen> {
  const begunMs = performance.now()
  const isLiveness = mode === 'liveness'
  const rules = { scope, protocol: PROTOCOL, mode: isLiveness ? mode : 'safety' } as const
  const graph = new Exploration(rules).run(isLiveness)
  const { states, edges, zombies } = graph
  let { violation } = graph
  const stuck = isLiveness && violation === undefined ? stuckStates(graph) : []
  if (stuck.length > 0) violation = stuckViolation(graph, stuck[0]!)
  let storeEdges = 0
  if (mode === 'store' && violation === undefined) ({ edges: storeEdges, violation } = await refine(graph))
  const seconds = (performance.now() - begunMs) / 1000
  return { mode, scope: scope.says, states, edges, zombies, stuck: stuck.length, storeEdges, violation, seconds }
}
