import { defineTask } from '../../../src/define-task.ts'

/** One of two that a thread could not tell apart. */
export const twin = defineTask({ name: 'twin', thread: true, run: () => 1 })

/** The other one. */
export const other = defineTask({ name: 'twin', thread: true, run: () => 2 })
