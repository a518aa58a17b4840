import { asError } from '../model/as-error.ts'
import type { AnyTaskDefinition } from '../model/definition.ts'
import { AfterwordError } from '../model/errors.ts'

/**
 * Brings the input of an older version to that of the definition, one version after another. Where no function leads from a
 * version to the next, the input is taken as it is and the schema judges; without a schema nobody could.
 *
 * @throws TASK_UPGRADE_FAILED, TASK_INPUT_OUTDATED. The same input would meet the same again: no retry can change it.
 */
export function upgradeInput(definition: AnyTaskDefinition, input: unknown, version: number): unknown {
  const { name, version: known, schema, upgrade } = definition
  let upgraded = input
  for (let from = version; from < known; from++) {
    const step = upgrade?.[from]
    if (step !== undefined) upgraded = upgradeFrom(definition, from, () => step(upgraded))
    else if (schema === undefined) {
      const issues = `it has no function upgrade ${from}, and no schema that could judge`
      throw new AfterwordError('TASK_INPUT_OUTDATED', { name, version, known, issues })
    }
  }
  return upgraded
}

function upgradeFrom({ name, version: known }: AnyTaskDefinition, from: number, step: () => unknown): unknown {
  const failed = (reason: string, cause?: unknown): AfterwordError =>
    new AfterwordError('TASK_UPGRADE_FAILED', { name, from, known, reason }, { cause })
  let upgraded: unknown
  try {
    upgraded = step()
  } catch (error) {
    throw failed(asError(error).message, error)
  }
  if (!(upgraded instanceof Promise)) return upgraded
  // Nobody waits for it, so its rejection must not end the process.
  upgraded.catch(() => {})
  throw failed('it returned a promise')
}
