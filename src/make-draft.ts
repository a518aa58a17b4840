import type { ReadBackgroundOptions } from './background-options.ts'
import type { Ports } from './background-ports.ts'
import { encodeFresh, encodeValue } from './engine/codec.ts'
import { readAdd } from './engine/new-task.ts'
import type { AddOptions } from './model/add-options.ts'
import type { AnyTaskDefinition } from './model/definition.ts'
import type { StoredValue } from './model/task.ts'
import type { Draft } from './task-draft.ts'

/**
 * Checks a task and makes its row. What is stored is the input as given: the schema reads it again at each attempt, so
 * that a task written by an older release meets today's schema.
 */
export function makeDraft(
  definition: AnyTaskDefinition,
  input: unknown,
  given: AddOptions | undefined,
  requestId: string | undefined,
  settings: ReadBackgroundOptions,
  ports: Ports,
): Draft {
  const { name } = definition
  const now = ports.clock.now()
  const { options, dueAt } = readAdd(definition, input, given, now)
  const stored = encodeFresh(input, { what: 'input', name, bytesMax: settings.inputBytesMax })
  return {
    id: options.id ?? ports.ids.task(),
    name,
    queue: options.queue ?? definition.queue,
    version: definition.version,
    priority: options.priority ?? definition.priority,
    dueAt,
    addedAt: now,
    input: stored,
    durability: options.durability ?? settings.durability,
    requestId,
    carried: carriedNow(settings, name),
    idempotent: options.id !== undefined,
    on: options.on ?? definition.on,
    inSeries: dueAt === undefined && !options.parallel,
    series: undefined,
    after: undefined,
    claimFor: undefined,
    early: false,
    aside: false,
    claims: 1,
    crashes: 0,
    handBacks: 0,
    deferrals: 0,
    suspect: false,
    ticket: undefined,
  }
}

/** What travels with a task that is added at this moment. */
export function carriedNow(
  { carry, inputBytesMax: bytesMax }: Pick<ReadBackgroundOptions, 'carry' | 'inputBytesMax'>,
  name: string,
): StoredValue | undefined {
  return carry === undefined ? undefined : encodeValue(carry(), { what: 'input', name, bytesMax })
}
