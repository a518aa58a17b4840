import type { ClaimedTask } from '../model/task.ts'
import type { ClaimAsk } from '../ports/store.ts'

const NOTHING: ClaimAsk = { room: new Map(), probation: false }

/** Decides how many tasks a process may claim: all that it wants, a single one, or none. */
export class Turnstile {
  /** True: tasks run by themselves, as in production. */
  readonly auto: boolean
  #open: boolean
  /** The queue from which one task may be claimed. */
  #queue: string | undefined
  #taken: ClaimedTask | undefined

  constructor(auto: boolean) {
    this.auto = auto
    this.#open = auto
  }

  /** Lets through what the process asks for, until `close`. */
  open(): void {
    this.#open = true
  }

  /** Lets one task of that queue through. */
  openForOne(queue: string): void {
    this.#queue = queue
    this.#taken = undefined
  }

  /** @returns the task that came through since `openForOne`. */
  close(): ClaimedTask | undefined {
    this.#open = this.auto
    this.#queue = undefined
    return this.#taken
  }

  /** What may be claimed of what is asked for. Asking for nothing still makes due tasks ready. */
  admit(ask: ClaimAsk): ClaimAsk {
    if (this.#open) return ask
    const queue = this.#queue
    const room = queue === undefined ? 0 : (ask.room.get(queue) ?? 0)
    if (queue === undefined || room <= 0) return NOTHING
    const places = room - (ask.early?.get(queue) ?? 0)
    return { ...ask, room: new Map([[queue, 1]]), early: new Map([[queue, places > 0 ? 0 : 1]]) }
  }

  /** Told of what was claimed. */
  took(tasks: readonly ClaimedTask[]): void {
    if (this.#queue === undefined || tasks.length === 0) return
    this.#taken = tasks[0]
    this.#queue = undefined
  }
}
