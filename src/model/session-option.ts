import { AfterwordError } from './errors.ts'
import { custom, type OptionKind, recordOf } from './option-kinds.ts'
import { received } from './received.ts'
import type { SessionProvider, SessionProviders } from './session.ts'

const NAME = /^[A-Za-z0-9\-_]{1,100}$/

const provider = custom(
  'a provider of sessions, such as pgSession(pool), with `library`, `transaction` and the method open',
  (given): given is SessionProvider => {
    const { library, transaction, open } = (given ?? {}) as Partial<SessionProvider>
    return typeof library === 'string' && typeof transaction === 'boolean' && typeof open === 'function'
  },
)

const providers = recordOf(provider)

/** Providers of sessions by names of 1 to 100 letters (A to Z), digits, or any of `-_`. Read as a frozen object without a prototype. */
export const sessionProviders: OptionKind<SessionProviders> = {
  expected: 'an object of providers of sessions, by names of 1 to 100 letters, digits or "-_"',
  unit: '',
  read(given, where, option) {
    const read = providers.read(given, where, option)
    for (const name of Object.keys(read)) {
      if (NAME.test(name)) continue
      const expected = 'named with 1 to 100 letters, digits or "-_"'
      throw new AfterwordError('OPTION_INVALID', { where, option: `${option}.${name}`, expected, got: received(name) })
    }
    return read
  },
}
