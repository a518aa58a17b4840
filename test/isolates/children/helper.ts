import { defineTask } from '../../../src/define-task.ts'

/** Defines a task for somebody else: seen from here, this module defines it. */
export function threadTask(name: string, module?: string) {
  return defineTask({ name, thread: true, module, run: () => 'helped' })
}
