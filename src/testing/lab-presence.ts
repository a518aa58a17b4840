import type { Incarnation } from '../model/task.ts'
import type { Presence } from '../ports/presence.ts'

/** How the processes of a lab notice each other: the lab knows who has died, and says so at once. */
export class LabPresence implements Presence {
  onRing = (): void => {}
  onGone = (): void => {}
  readonly #dead: Set<Incarnation>
  #self: Incarnation | undefined

  /** @param dead  the workers whose process has died. */
  constructor(dead: Set<Incarnation>) {
    this.#dead = dead
  }

  arrive(self: Incarnation): Promise<void> {
    this.#self = self
    return Promise.resolve()
  }

  ring(): void {}

  ringOne(): void {}

  probe(peer: Incarnation): 'dead' | 'alive' {
    return this.#dead.has(peer) ? 'dead' : 'alive'
  }

  bury(): void {}

  leave(): Promise<void> {
    return Promise.resolve()
  }

  breakOff(): Promise<void> {
    if (this.#self !== undefined) this.#dead.add(this.#self)
    return Promise.resolve()
  }
}
