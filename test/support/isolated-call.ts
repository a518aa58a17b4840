import type { AnyTaskDefinition } from '../../src/model/definition.ts'
import type { ClaimedTask } from '../../src/model/task.ts'
import type { IsolatedCall, IsolatedListener } from '../../src/ports/executor.ts'
import { claimedTask } from './claimed-task.ts'
import { ADDING_NOTHING } from './no-sessions.ts'

/** A call of that definition, of a task that is ordinary but for what is given. */
export function isolatedCall(definition: AnyTaskDefinition, fields: Partial<ClaimedTask> = {}): IsolatedCall {
  const task = claimedTask({ name: definition.name, ...fields })
  return { definition, task, resultBytesMax: 1_000, adding: ADDING_NOTHING, storeFile: undefined }
}

/** Who does not care. */
export const NOBODY: IsolatedListener = { begun() {}, progress() {}, closing() {} }
