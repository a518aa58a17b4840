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
        ;(listener as Listener<N>)(event)
      } catch (error) {
        this.#onThrow(name, error)
      }
    }
    const diagnostics = this.#channel(name)
    if (diagnostics.hasSubscribers) diagnostics.publish(event)
  }

  #channel(name: EventName): Channel {
    let found = this.#channels.get(name)
    if (found === undefined) this.#channels.set(name, (found = channel(`afterword:${name}`)))
    return found
  }
}
