import type { AddOptions } from '../model/add-options.ts'
import type { AnyTaskDefinition } from '../model/definition.ts'
import type { TaskHandle } from '../model/task-handle.ts'
import type { NewTask } from '../model/task.ts'
import type { AddingRules } from '../ports/executor.ts'
import type { Added } from '../ports/store.ts'

/** A task that an attempt has added: checked, and not stored before the attempt has succeeded. */
export interface Addition {
  readonly task: NewTask
  readonly handle: TaskHandle
  /** It is stored with the attempt's success, or its id was there already. */
  stored(added: Added): void
  /** The attempt of that task did not succeed. */
  dropped(by: string): void
}

/** Takes what attempts add. */
export interface AdditionDesk {
  /** Checks a task that an attempt adds; throws a coded error. */
  addition(
    definition: AnyTaskDefinition,
    input: unknown,
    options: AddOptions | undefined,
    requestId: string | undefined,
  ): Addition
  /** The same for one that was checked in an isolate, by `adding`. */
  adopted(task: NewTask): Addition
  /** By what an isolate checks it. */
  adding(): AddingRules
}
