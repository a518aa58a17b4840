import { AfterwordError } from '../model/errors.ts'
import { boolean, oneOf } from '../model/option-kinds.ts'
import { type OptionsGiven, optionTable } from '../model/option-table.ts'
import { received } from '../model/received.ts'

/** The options that every provider takes, for tables of options. */
export const SESSION_ENTRIES = {
  transaction: {
    is: boolean(),
    default: true,
    says: 'Whether a session is one transaction: committed with its owner, or rolled back. Without it a session is a connection, no more.',
  },
  outcomes: {
    is: boolean(),
    default: true,
    says: 'Whether a row in the table `afterword_outcome` says, in the same transaction, what an attempt has committed. Not needed in the database of the store.',
  },
} as const

/** An isolation level of SQL servers; undefined: the database's. */
export type Isolation = 'read committed' | 'repeatable read' | 'serializable' | undefined

/** The isolation levels of SQL servers. */
export const isolation = oneOf('read committed', 'repeatable read', 'serializable')

/** The options that every provider takes. */
export const SESSION_OPTIONS = optionTable(SESSION_ENTRIES)

/** What every provider takes. */
export type SessionOptions = OptionsGiven<typeof SESSION_OPTIONS>

/** Throws SESSION_WRONG_OBJECT unless `given` has each of these methods. */
export function checkObject(where: string, expected: string, given: unknown, ...methods: readonly string[]): void {
  if (!hasMethods(given, ...methods)) throw wrongObject(where, expected, given)
}

/** What providers say of an object that they are not for. */
export function wrongObject(where: string, expected: string, given: unknown): AfterwordError {
  return new AfterwordError('SESSION_WRONG_OBJECT', { where, expected, got: received(given) })
}

/** Whether it is an object, or a function, with all of these methods. */
export function hasMethods(given: unknown, ...methods: readonly string[]): boolean {
  const isObject = (typeof given === 'object' && given !== null) || typeof given === 'function'
  return isObject && methods.every((name) => typeof (given as Record<string, unknown>)[name] === 'function')
}
