import type { ReadBackgroundOptions } from './background-options.ts'
import type { Ports } from './background-ports.ts'
import { encodeFresh, encodeValue } from './engine/codec.ts'
import { validateInput } from './engine/input-schema.ts'
import { type AddOptions, parseAddOptions } from './model/add-options.ts'
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
  const options = parseAddOptions(given, name)
  validateInput(definition, input)
  const stored = encodeFresh(input, { what: 'input', name, bytesMax: settings.inputBytesMax })
  const now = ports.clock.now()
  const dueAt = options.runAt ?? (options.delayMs === undefined ? undefined : now + options.delayMs)
  const scheduled = dueAt !== undefined && dueAt > now
  return {
    id: options.id ?? ports.ids.task(),
    name,
    queue: options.queue ?? definition.queue,
    version: definition.version,
    priority: options.priority ?? definition.priority,
    dueAt: scheduled ? dueAt : undefined,
    addedAt: now,
    input: stored,
    durability: options.durability ?? settings.durability,
    requestId,
    carried: settings.carry === undefined ? undefined : carried(settings.carry, name, settings.inputBytesMax),
    idempotent: options.id !== undefined,
    on: options.on ?? definition.on,
    inSeries: !scheduled && !options.parallel,
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

function carried(carry: () => Readonly<Record<string, unknown>>, name: string, bytesMax: number): StoredValue {
  return encodeValue(carry(), { what: 'input', name, bytesMax })
}
