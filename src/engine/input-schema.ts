import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { AnyTaskDefinition } from '../model/definition.ts'
import { AfterwordError } from '../model/errors.ts'
import type { ClaimedTask } from '../model/task.ts'
import { formatPath } from '../model/value-path.ts'
import { decodeOnce } from './codec.ts'
import { upgradeInput } from './upgrade-input.ts'

/*
 * The store keeps a task's input as it was added, not what the schema made of it: the schema reads it twice, once to
 * answer `add` at once, once before each attempt. So a deploy may change what `run` gets without touching stored rows,
 * and an old row that the schema no longer takes is noticed before `run` sees it.
 */

type Verdict = StandardSchemaV1.Result<unknown> | 'async'

/**
 * Checks an input where it is added.
 *
 * @returns what `run` would get; not what is to be stored, which is `input` itself.
 * @throws TASK_INPUT_INVALID with every issue; TASK_SCHEMA_ASYNC when the schema does not answer at once.
 */
export function validateInput(definition: AnyTaskDefinition, input: unknown): unknown {
  const { name, schema } = definition
  if (schema === undefined) return input
  const verdict = judge(schema, input)
  if (verdict === 'async') throw new AfterwordError('TASK_SCHEMA_ASYNC', { name })
  if (verdict.issues) throw new AfterwordError('TASK_INPUT_INVALID', { name, issues: describe(verdict.issues) })
  return verdict.value
}

/**
 * Reads a stored input for `run`: brought to the version of the definition, then through the schema if there is one.
 *
 * @throws TASK_INPUT_OUTDATED when the definition does not take it any more, which no retry can change.
 * @throws TASK_UPGRADE_FAILED, STORED_VALUE_UNREADABLE.
 */
export function parseStoredInput(
  definition: AnyTaskDefinition,
  { input: stored, version }: Pick<ClaimedTask, 'input' | 'version'>,
): unknown {
  const { name, schema, version: known } = definition
  const input = upgradeInput(definition, decodeOnce(stored), version)
  if (schema === undefined) return input
  const outdated = (issues: string): AfterwordError =>
    new AfterwordError('TASK_INPUT_OUTDATED', { name, version, known, issues })
  const verdict = judge(schema, input)
  if (verdict === 'async') throw outdated('the schema does not answer at once')
  if (verdict.issues) throw outdated(describe(verdict.issues))
  return verdict.value
}

function judge(schema: StandardSchemaV1, input: unknown): Verdict {
  const verdict = schema['~standard'].validate(input)
  if (!('then' in verdict)) return verdict
  // Nobody waits for it, so its rejection must not end the process.
  Promise.resolve(verdict).catch(() => {})
  return 'async'
}

function describe(issues: readonly StandardSchemaV1.Issue[]): string {
  return issues.map(({ path, message }) => `${pathOf(path)}: ${message}`).join('; ')
}

/** `Array.from`, because arktype's paths are a subclass of Array whose `map` adds a step. */
function pathOf(path: StandardSchemaV1.Issue['path']): string {
  const steps = Array.from(path ?? [], (segment) => (typeof segment === 'object' ? segment.key : segment))
  return formatPath('input', steps)
}
