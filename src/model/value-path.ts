import { received } from './received.ts'

/** A step into a Map or a Set, where there is no property to name. */
export interface EntryStep {
  readonly entry: 'value of' | 'key' | 'member'
  /** The key of a Map's value; else the position, from 0. */
  readonly at: unknown
}

/** One step on the way into a value. */
export type PathStep = PropertyKey | EntryStep

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

/** Paths longer than this lose their middle; a cycle or a runaway depth would fill the screen. */
const PATH_MAX = 200

/** Writes a path as one would in code: `input.lines[3].sku`, `input["two words"]`, `input.byName.get("ada")`. Never throws. */
export function formatPath(root: string, steps: Iterable<PathStep>): string {
  let path = root
  for (const step of steps) path += formatStep(step)
  return path.length <= PATH_MAX ? path : `${path.slice(0, PATH_MAX / 2)}…${path.slice(-PATH_MAX / 2)}`
}

function formatStep(step: PathStep): string {
  if (typeof step === 'number') return `[${step}]`
  if (typeof step === 'string') return IDENTIFIER.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
  if (typeof step === 'symbol') return `[${String(step)}]`
  if (step.entry === 'value of') return `.get(${received(step.at)})`
  return `.${step.entry === 'key' ? 'keys' : 'values'}()[${String(step.at)}]`
}
