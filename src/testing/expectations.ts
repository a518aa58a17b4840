import { AssertionError } from 'node:assert'
import { inspect, isDeepStrictEqual } from 'node:util'
import type { AnyTaskDefinition } from '../model/definition.ts'
import type { LabTask } from './lab-task.ts'

/** How many inputs a message shows. */
const SHOWN_MAX = 5

/** Where to look for a task that a test expects. */
export interface Sightings<D extends AnyTaskDefinition> {
  readonly name: string
  readonly added: readonly LabTask<D>[]
  /** The statuses of the answers that dropped tasks of that name. */
  readonly dropped: readonly number[]
}

/** The input that is asked for; none, when any will do. */
export type Wanted = readonly [] | readonly [unknown]

/** The first task that has the input; throws an AssertionError that says what was added instead. */
export function expectAdded<D extends AnyTaskDefinition>(
  { name, added, dropped }: Sightings<D>,
  wanted: Wanted,
): LabTask<D> {
  const task = added.find(({ input }) => isWanted(input, wanted))
  if (task !== undefined) return task
  const inputs = added.map(({ input }) => input as unknown)
  const statuses =
    dropped.length === 0 ? '' : ` ${dropped.length} dropped, by answers with status ${dropped.join(', ')}.`
  throw new AssertionError({
    message: `No task "${name}"${asWanted(wanted)} was added. ${count(inputs)}${statuses}`,
    actual: inputs.length === 1 ? inputs[0] : inputs,
    expected: inputs.length === 1 ? wanted[0] : wanted,
    operator: 'expectAdded',
    stackStartFn: expectAdded,
  })
}

/** Throws an AssertionError when a task has the input. */
export function expectNotAdded<D extends AnyTaskDefinition>({ name, added }: Sightings<D>, wanted: Wanted): void {
  const found = added.filter(({ input }) => isWanted(input, wanted)).map(({ input }) => input as unknown)
  if (found.length === 0) return
  throw new AssertionError({
    message: `No task "${name}"${asWanted(wanted)} was to be added. ${count(found)}`,
    actual: found,
    expected: [],
    operator: 'expectNotAdded',
    stackStartFn: expectNotAdded,
  })
}

function isWanted(input: unknown, wanted: Wanted): boolean {
  return wanted.length === 0 || isDeepStrictEqual(input, wanted[0])
}

function asWanted(wanted: Wanted): string {
  return wanted.length === 0 ? '' : ` with the input ${shown(wanted[0])}`
}

function count(inputs: readonly unknown[]): string {
  if (inputs.length === 0) return 'Added were none of that name.'
  const more = inputs.length > SHOWN_MAX ? ` and ${inputs.length - SHOWN_MAX} more` : ''
  return `Added were ${inputs.length}: ${inputs.slice(0, SHOWN_MAX).map(shown).join(', ')}${more}.`
}

function shown(value: unknown): string {
  return inspect(value, { breakLength: Infinity, depth: 4, maxStringLength: 200 })
}
