import type { TaskId } from '../model/task.ts'

/** New identities, handed in. */
export interface Ids {
  /** A UUIDv7: its order is the order of creation within a process. */
  task(): TaskId
}
