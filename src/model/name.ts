import { custom } from './option-kinds.ts'

const NAME = /^[A-Za-z0-9\-_.:/]{1,100}$/

/** True for what tasks and queues may be named: 1 to 100 letters (A to Z), digits, or any of `-_.:/`. */
export function isName(given: unknown): given is string {
  return typeof given === 'string' && NAME.test(given)
}

/** The name of a task or of a queue, as an option. */
export const aName = custom('1 to 100 letters, digits or "-_.:/"', isName)
