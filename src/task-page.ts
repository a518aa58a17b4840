import { LIST_FILTER, LIST_OPTIONS, type ListFilter, type ListOptions } from './model/list-options.ts'
import type { TaskId } from './model/task.ts'
import type { Listed, ListAsk } from './ports/store.ts'
import { type TaskView, taskView } from './task-view.ts'

/** One page of `background.list`. */
export interface TaskPage {
  readonly tasks: readonly TaskView[]
  /**
   * Where the next page begins: pass it as `before`. Undefined at the end. A page may hold fewer tasks than its limit, even
   * none, and still go on: one look is bounded.
   */
  readonly next: TaskId | undefined
}

/**
 * What a list asks of the store.
 *
 * @throws OPTION_UNKNOWN, OPTION_INVALID, OPTIONS_INVALID.
 */
export function listAsk(filter: ListFilter | undefined, options: ListOptions | undefined): ListAsk {
  const { state, ...rest } = LIST_FILTER.parse('list', filter)
  const states = state === undefined || typeof state !== 'string' ? state : [state]
  return { ...rest, states, ...LIST_OPTIONS.parse('list', options) }
}

/** What the store found, with its values read. */
export function taskPage({ tasks, next }: Listed): TaskPage {
  return { tasks: tasks.map(taskView), next }
}
