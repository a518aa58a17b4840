import type { TaskHandle } from '../model/task-handle.ts'
import type { NewTask } from '../model/task.ts'
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
