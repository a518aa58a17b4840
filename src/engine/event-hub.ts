import { channel as channelOf, type Channel } from 'node:diagnostics_channel'
import type { BackgroundEvents, EventName } from '../model/events.ts'

type Listener<N extends EventName> = (event: BackgroundEvents[N]) => void

/** Who hears the events of one name. */
interface Audience {
  readonly listeners: Set<Listener<never>>
  readonly channel: Channel
}

/**
 * Typed events, for listeners of one background and for `node:diagnostics_channel` subscribers of all
 * (`afterword:attempt:end` and so on). A listener that throws is reported and never breaks the worker.
 */
export class EventHub {
  readonly #audiences = new Map<EventName, Audience>()
  readonly #onThrow: (name: EventName, error: unknown) => void

  constructor(onThrow: (name: EventName, error: unknown) => void) {
    this.#onThrow = onThrow
  }

  /** Calls `listener` for each event of that name until the returned function is called. */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void {
    const { listeners } = this.#audience(name)
    // One entry for each call: the same function may listen twice and stop once.
    const entry: Listener<N> = (event) => listener(event)
    listeners.add(entry)
    return () => void listeners.delete(entry)
  }

  /** Whether anybody would hear it: lets hot paths skip making the event. */
  heard(name: EventName): boolean {
    const { listeners, channel } = this.#audience(name)
    return listeners.size > 0 || channel.hasSubscribers
  }

  emit<N extends EventName>(name: N, event: BackgroundEvents[N]): void {
    const { listeners, channel } = this.#audience(name)
    for (const listener of listeners) {
      try {
        const answer: unknown = (listener as (event: BackgroundEvents[N]) => unknown)(event)
        // An async listener that rejects must not end the process either.
        if (answer instanceof Promise) answer.catch((error: unknown) => this.#report(name, error))
      } catch (error) {
        this.#report(name, error)
      }
    }
    if (channel.hasSubscribers) channel.publish(event)
  }

  #report(name: EventName, error: unknown): void {
    try {
      this.#onThrow(name, error)
    } catch {
      // The logger itself throws: nobody is left to be told, and the work goes on.
    }
  }

  #audience(name: EventName): Audience {
    let found = this.#audiences.get(name)
    if (found === undefined) {
      found = { listeners: new Set(), channel: channelOf(`afterword:${name}`) }
      this.#audiences.set(name, found)
    }
    return found
  }
}
