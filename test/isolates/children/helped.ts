import { threadTask } from './helper.ts'

/** A thread that imports the helper does not find it. */
export const lost = threadTask('lost')

/** A thread is told where to look. */
export const helped = threadTask('helped', import.meta.url)
