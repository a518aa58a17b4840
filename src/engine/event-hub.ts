import { channel, type Channel } from 'node:diagnostics_channel'
import type { BackgroundEvents, EventName } from '../model/events.ts'

type Listener<N extends EventName> = (event: BackgroundEvents[N]) => void

/**
 * Typed events, for listeners of one background and for `node:diagnostics_channel` subscribers of all
 * (`afterword:attempt:end` and so on). A listener that throws is reported and never breaks the worker.
 */
export class EventHub {
  readonly #listeners = new Map<EventName, Set<Listener<never>>>()
  readonly #channels = new Map<EventName, Channel>()
  readonly #onThrow: (name: EventName, error: unknown) => void

  constructor(onThrow: (name: EventName, error: unknown) => void) {
    this.#onThrow = onThrow
  }

  /** Calls `listener` for each event of that name until the returned function is called. */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set<Listener<never>>()
    this.#listeners.set(name, listeners)
    // One entry for each call: the same function may listen twice and stop once.
    const entry: Listener<N> = (event) => listener(event)
    listeners.add(entry)
    return () => void listeners.delete(entry)
  }

  /** Whether anybody would hear it: lets hot paths skip making the event. */
  heard(name: EventName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0 || this.#channel(name).hasSubscribers
  }

  emit<N extends EventName>(name: N, event: BackgroundEvents[N]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        const answer: unknown = (listener as (event: BackgroundEvents[N]) => unknown)(event)
        // An async listener that rejects must not end the process either.
        if (answer instanceof Promise) answer.catch((error: unknown) => this.#report(name, error))
      } catch (error) {
        this.#report(name, error)
      }
    }
    const diagnostics = this.#channel(name)
    if (diagnostics.hasSubscribers) diagnostics.publish(event)
  }

  #report(name: EventName, error: unknown): void {
    try {
      this.#onThrow(name, error)
    } catch {
      // The logger itself throws: nobody is left to be told, and the work goes on.
    }
  }

  #channel(name: EventName): Channel {
    let found = this.#channels.get(name)
    if (found === undefined) this.#channels.set(name, (found = channel(`afterword:${name}`)))
    return found
  }
}
