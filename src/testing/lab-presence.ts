import type { Incarnation } from '../model/task.ts'
import type { Presence } from '../ports/presence.ts'

/** How the processes of a lab notice each other: the lab knows who has died, and says so at once. */
export class LabPresence implements Presence {
  onRing = (): void => {}
  onGone = (): void => {}
  readonly #isDead: (peer: Incarnation) => boolean

  constructor(isDead: (peer: Incarnation) => boolean) {
    this.#isDead = isDead
  }

  arrive(): Promise<void> {
    return Promise.resolve()
  }

  ring(): void {}

  ringOne(): void {}

  probe(peer: Incarnation): 'dead' | 'alive' {
    return this.#isDead(peer) ? 'dead' : 'alive'
  }

  bury(): void {}

  leave(): Promise<void> {
    return Promise.resolve()
  }
}
