import { asError } from '../model/as-error.ts'
import { didYouMean } from '../model/did-you-mean.ts'
import { AfterwordError } from '../model/errors.ts'
import type { OpenSession, SessionProvider, SessionProviders } from '../model/session.ts'
import type { Clock } from '../ports/clock.ts'
import { HeldSession } from './held-session.ts'
import { inTime, LATE } from './in-time.ts'

/** So long the owner of a session waits for a connection, in milliseconds. */
const OPEN_MS_MAX = 10_000
/** So many holders an error names. */
const HOLDERS_MAX = 10

/** What a book is made of. */
export interface SessionBookParts {
  readonly clock: Clock
  /** Who is running at this moment, for messages. */
  readonly here: () => string
}

/** Opens sessions, and knows all that are open in this process: who holds them, and since when. */
export class SessionBook {
  readonly #parts: SessionBookParts
  readonly #held = new Set<HeldSession>()

  constructor(parts: SessionBookParts) {
    this.#parts = parts
  }

  get clock(): Clock {
    return this.#parts.clock
  }

  /**
   * Opens a session of one of the providers.
   *
   * @param owner  whose it will be, for messages.
   * @throws SESSION_UNKNOWN, SESSION_NOT_OPENED; SESSION_POOL_DRY after ten seconds.
   */
  async open(name: string, providers: SessionProviders, owner: string): Promise<HeldSession> {
    const provider = providerOf(name, providers)
    const opening = Promise.try(() => provider.open())
    let open: OpenSession | typeof LATE
    try {
      open = await inTime(opening, OPEN_MS_MAX, this.#parts.clock, false)
    } catch (error) {
      if (error instanceof AfterwordError) throw error
      const cause = asError(error)
      const { library } = provider
      throw new AfterwordError('SESSION_NOT_OPENED', { session: name, library, reason: cause.message }, { cause })
    }
    if (open === LATE) {
      void opening.then((tooLate) => this.#hold(name, provider, owner, tooLate).discard()).catch(() => undefined)
      throw this.#dry(name, provider)
    }
    return this.#hold(name, provider, owner, open)
  }

  /** The open session of which that is the handle. */
  heldBy(handle: unknown): HeldSession | undefined {
    for (const session of this.#held) if (session.handle === handle) return session
    return undefined
  }

  #hold(name: string, provider: SessionProvider, owner: string, open: OpenSession): HeldSession {
    const { clock, here } = this.#parts
    const held = new HeldSession(open, { name, owner, provider, clock, here, closed: () => this.#held.delete(held) })
    this.#held.add(held)
    return held
  }

  #dry(name: string, provider: SessionProvider): AfterwordError {
    const now = this.#parts.clock.monotonicMs()
    const held = [...this.#held].filter((session) => session.provider === provider)
    const shown = held
      .slice(0, HOLDERS_MAX)
      .map(({ owner, openedAtMs }) => `${owner} for ${Math.round(now - openedAtMs)} ms`)
    const more = held.length > HOLDERS_MAX ? `, and ${held.length - HOLDERS_MAX} more` : ''
    const holders = held.length === 0 ? 'none that Afterword has opened' : shown.join(', ') + more
    return new AfterwordError('SESSION_POOL_DRY', { session: name, waitedMs: OPEN_MS_MAX, holders })
  }
}

function providerOf(name: string, providers: SessionProviders): SessionProvider {
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined
  if (provider !== undefined) return provider
  const names = Object.keys(providers)
  const known = names.length === 0 ? 'none' : names.join(', ')
  throw new AfterwordError('SESSION_UNKNOWN', { session: name, known, meant: didYouMean(name, names) })
}
