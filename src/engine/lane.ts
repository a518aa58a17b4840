import type { ClaimedTask } from '../model/task.ts'

/** Claimed tasks may wait about this long for a place: long enough to keep places busy, short enough to leave work to others. */
const SOON_MS = 100
/** Claimed tasks that wait in one lane, whatever their speed: the bound of its memory. */
const WAITING_MAX = 1_000
/** What a task is taken to last before one was measured. */
const FIRST_GUESS_MS = 10
/** Below this the length of a run says nothing. */
const RUN_MS_MIN = 0.05

/**
 * One queue in this process: its places, its claimed tasks in the order of their turn, and how long a run takes,
 * which says how many claimed tasks may wait here.
 */
export class Lane {
  readonly queue: string
  readonly concurrency: number
  running = 0
  /** Claimed tasks whose response is still being sent. */
  held = 0
  /** Nothing starts, and what waits is surplus. */
  paused = false
  #waiting: ClaimedTask[] = []
  #head = 0
  /** Those whose turn has come while no isolate was free, the first first. They take no place, others may overtake them. */
  readonly #parked: { readonly task: ClaimedTask; readonly turn: number }[] = []
  #runMs = FIRST_GUESS_MS
  /** Whether something got a place since `lookForStall`. */
  #moved = true

  constructor(queue: string, concurrency: number) {
    this.queue = queue
    this.concurrency = concurrency
  }

  get waiting(): number {
    return this.turns + this.#parked.length
  }

  /** Those of them whose turn has not come. */
  get turns(): number {
    return this.#waiting.length - this.#head
  }

  /** The turn of the one that waits for an isolate the longest; undefined when none does. */
  get parkedTurn(): number | undefined {
    return this.#parked[0]?.turn
  }

  /** How many more tasks it would take: free places, and those that would get one soon. */
  get room(): number {
    if (this.paused) return -this.waiting
    const soon = Math.min(WAITING_MAX, Math.floor((this.concurrency * SOON_MS) / this.#runMs))
    return this.concurrency + soon - this.running - this.waiting
  }

  /**
   * Whether an add may be claimed as it is inserted. Tasks whose response is still being sent count here, so that their
   * number is bounded, but take no room from others: a thousand open streams must not stop the queue.
   */
  get takesAdds(): boolean {
    return this.room > this.held
  }

  /** How many of its room would get a place at once. */
  get places(): number {
    return Math.max(0, this.paused ? 0 : this.concurrency - this.running - this.waiting)
  }

  get hasFreePlace(): boolean {
    return !this.paused && this.running < this.concurrency
  }

  /** Counts tasks that are claimed here and wait for their response. True when each of them has a place. */
  hold(count: number): boolean {
    this.held += count
    return this.held <= this.places
  }

  /** Puts a claimed task behind those of its priority. */
  push(task: ClaimedTask): void {
    const waiting = this.#waiting
    let at = waiting.length
    while (at > this.#head && waiting[at - 1]!.priority < task.priority) at--
    if (at === waiting.length) waiting.push(task)
    else waiting.splice(at, 0, task)
  }

  /** The task whose turn it is. */
  shift(): ClaimedTask | undefined {
    if (this.#head === this.#waiting.length) return undefined
    this.#moved = true
    const task = this.#waiting[this.#head++]
    // The spent front goes once it is the larger half: each task is moved at most once.
    if (this.#head > 64 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    } else if (this.#head === this.#waiting.length) {
      this.#waiting.length = 0
      this.#head = 0
    }
    return task
  }

  /** Sets a task aside whose turn has come, until an isolate is free. Turns of all lanes are counted together. */
  park(task: ClaimedTask, turn: number): void {
    this.#parked.push({ task, turn })
  }

  /** The task that was set aside the longest; only when there is one. */
  unpark(): ClaimedTask {
    this.#moved = true
    return this.#parked.shift()!.task
  }

  /**
   * To be called now and then. When nothing got a place since the last call, runs are slow although none has ended to be
   * measured: then there is no room for tasks that wait.
   */
  lookForStall(): void {
    if (!this.#moved && !this.hasFreePlace) this.#runMs = Math.max(this.#runMs, this.concurrency * SOON_MS + 1)
    this.#moved = false
  }

  /** Removes and returns what waits beyond the room there is by now, the last first. */
  surplus(): readonly ClaimedTask[] {
    const over = Math.min(-this.room, this.waiting)
    if (over <= 0) return []
    const late = Math.min(over, this.turns)
    const last = this.#waiting.splice(this.#waiting.length - late, late)
    const parked = this.#parked.splice(this.#parked.length - (over - late))
    return [...parked.map(({ task }) => task), ...last]
  }

  /** All that waits, in the order of their turn. */
  all(): readonly ClaimedTask[] {
    return [...this.#parked.map(({ task }) => task), ...this.#waiting.slice(this.#head)]
  }

  /** Removes all that waits. */
  clear(): readonly ClaimedTask[] {
    const all = this.all()
    this.#parked.length = 0
    this.#waiting = []
    this.#head = 0
    return all
  }

  /** Learns from a run; the last ten or so decide. */
  measured(ranMs: number): void {
    this.#runMs += (Math.max(ranMs, RUN_MS_MIN) - this.#runMs) * 0.1
  }
}
