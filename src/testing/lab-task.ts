import type { InputOf, ResultOf, TaskView } from '../index.ts'
import type { AnyTaskDefinition } from '../model/definition.ts'
import type { TaskRecord } from '../model/task.ts'
import { taskView } from '../task-view.ts'

/** A task that was added: what `background.get(id)` shows, with the types of its definition. */
export interface LabTask<D extends AnyTaskDefinition = AnyTaskDefinition> extends Omit<TaskView, 'input' | 'result'> {
  readonly input: InputOf<D>
  readonly result: ResultOf<D> | undefined
}

/** A record as a test sees it; it has to be one of a task of that definition. */
export function labTask<D extends AnyTaskDefinition>(record: TaskRecord): LabTask<D> {
  return taskView(record) as LabTask<D>
}
