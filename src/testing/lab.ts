import type { Background, BackgroundTasks, Duration, InputOf } from '../index.ts'
import type { AnyTaskDefinition } from '../model/definition.ts'
import { durationMs } from '../model/duration.ts'
import { AttemptLog } from './attempt-log.ts'
import { type CrashOptions, CrashPlan } from './crash-plan.ts'
import { Driver } from './driver.ts'
import { expectAdded, expectNotAdded, type Sightings } from './expectations.ts'
import type { LabAttempt, LabFailure } from './lab-attempt.ts'
import { LabProcess, type LabWorld } from './lab-process.ts'
import { type LabTask, labTask } from './lab-task.ts'
import { TasksFailed } from './tasks-failed.ts'

/** What a response that never got an answer of its own leaves with: its handler threw. */
const THROWN = 500

/**
 * A test's hands on a background: what was added, the next step, the clock, and crashes. Made by `testBackground`.
 *
 * `run` and `step` come one after another: one that is called while another is under way throws.
 */
export class Lab<App = undefined> {
  readonly #world: LabWorld
  readonly #build: (background: Background) => App | Promise<App>
  readonly #driver: Driver
  readonly #log: AttemptLog
  #process: LabProcess
  #app: App | undefined
  #busy: string | undefined
  /** Settles with the work under way; never rejects. */
  #working: Promise<unknown> = Promise.resolve()
  #disposed = false

  private constructor(world: LabWorld, build: (background: Background) => App | Promise<App>) {
    this.#world = world
    this.#build = build
    this.#driver = new Driver(world)
    this.#log = new AttemptLog((id) => {
      const record = world.ledger.get(id)
      return record && labTask(record).input
    })
    this.#process = new LabProcess(world)
  }

  /** For `testBackground`: starts the first process and builds its application. */
  static async open<App>(world: LabWorld, build: (background: Background) => App | Promise<App>): Promise<Lab<App>> {
    const lab = new Lab(world, build)
    await world.store.open()
    try {
      await lab.#start()
    } catch (error) {
      await lab.#close()
      throw error
    }
    return lab
  }

  /** The background of the process that lives: another one after `crash` and `restart`. */
  get background(): Background {
    return this.#process.background
  }

  /** What the function given to `testBackground` made of the background: another one after `crash` and `restart`. */
  get app(): App {
    return this.#app as App
  }

  /** What the clock says; it stands still but for `advance` and `run(duration)`, and while a background stops. */
  get now(): Date {
    return new Date(this.#world.clock.now())
  }

  // What was added

  /**
   * The tasks of that definition, or all, that are stored or were, in the order added and as they stand at this moment. What
   * a response has added is here once it has its status, if that keeps it.
   */
  added<D extends AnyTaskDefinition = AnyTaskDefinition>(definition?: D): readonly LabTask<D>[] {
    const records = [...this.#world.ledger.records]
    return records
      .filter(({ name }) => definition === undefined || name === definition.name)
      .map((record) => labTask<D>(record))
  }

  /**
   * The first task of that definition with that input, compared deeply; without an input, the first one.
   *
   * @throws an AssertionError that says what was added instead, and what answers have dropped.
   */
  expectAdded<D extends AnyTaskDefinition>(definition: D, ...input: [] | [InputOf<D>]): LabTask<D> {
    return expectAdded(this.#sightings(definition), input)
  }

  /**
   * Makes sure that no task of that definition was added, or none with that input.
   *
   * @throws an AssertionError that says which ones were.
   */
  expectNotAdded<D extends AnyTaskDefinition>(definition: D, ...input: [] | [InputOf<D>]): void {
    expectNotAdded(this.#sightings(definition), input)
  }

  // Running

  /**
   * Runs everything that is due, as many at once as in production, until nothing is; with a duration, lets that much time
   * pass and runs each task when it falls due. Waits for the attempts in real time: when one waits for the clock itself,
   * for its timeout say, call `advance` meanwhile.
   *
   * @returns the attempts that have ended, in that order.
   * @throws TasksFailed when some have failed, after all have run; DURATION_INVALID.
   */
  async run(duration: Duration = 0): Promise<readonly LabAttempt[]> {
    const endMs = this.#world.clock.now() + durationMs(duration, 'run: duration')
    return this.#alone('run', async () => {
      const before = this.#log.attempts.length
      await this.#driver.run(this.#process, endMs)
      this.#throwUnseen()
      return this.#log.attempts.slice(before)
    })
  }

  /**
   * Runs one attempt of the task whose turn it is; all others wait.
   *
   * @returns how it ended, also when it failed; undefined when nothing that is due can begin.
   */
  async step(): Promise<LabAttempt | undefined> {
    if (this.#world.turnstile.auto) {
      throw new Error("lab.step() needs testBackground({ run: 'manual' }): in 'auto' tasks run by themselves.")
    }
    return this.#alone('step', async () => {
      const process = this.#process
      const before = this.#log.attempts.length
      const claimed = await this.#driver.runOne(process)
      if (claimed === undefined) return undefined
      const attempt = this.#log.attempts.slice(before).find(({ id }) => id === claimed.id)
      if (attempt !== undefined) this.#log.seen(attempt)
      return (
        attempt ??
        this.#log.cut(claimed, process.dead ? 'crashed' : (this.#world.ledger.get(claimed.id)?.state ?? 'running'))
      )
    })
  }

  /**
   * Lets time pass, without waiting for attempts that are under way. What falls due meanwhile is ready for `run` and
   * `step`; with `run: 'auto'` it begins at its time.
   *
   * @throws DURATION_INVALID.
   */
  async advance(duration: Duration): Promise<void> {
    const { clock } = this.#world
    const ms = durationMs(duration, 'advance: duration')
    await this.#driver.steady()
    await clock.advanceTo(clock.now() + ms)
  }

  /** All that has failed so far. What was looked at here is not thrown by `run()` or at the end of the test. */
  get failures(): readonly LabFailure[] {
    this.#log.takeUnseen()
    return [...this.#log.failures]
  }

  // Responses

  /**
   * Does what happens around a handler, without a server: gives it the task list of a response, then lets an answer of
   * that status leave; 500 when it throws. `currentTasks()` works below it.
   *
   * @returns what the handler returned.
   * @throws what the handler threw, and what refused to store its tasks.
   */
  async respond<R>(status: number, handler: (tasks: BackgroundTasks) => R | Promise<R>): Promise<R> {
    const scope = this.background.attach(undefined)
    let left = THROWN
    try {
      const value = await scope.run(() => handler(scope.tasks))
      left = status
      return value
    } finally {
      try {
        await scope.settle(left)
      } finally {
        scope.close()
      }
    }
  }

  // Crashes

  /**
   * Kills the process at that point, or where it stands, and starts another one on the same store: `lab.background` and
   * `lab.app` are new, what the dead one had claimed is ready again, and requests that it had not answered see their
   * connection break.
   *
   * @throws an Error when the point was not reached.
   */
  async crash(options: CrashOptions = {}): Promise<void> {
    const { at, task, during } = options
    const process = this.#process
    if (at === undefined) process.die()
    else {
      this.#world.plan = new CrashPlan(at, task?.name)
      try {
        await this.#leadToCrash(process, during)
      } finally {
        this.#world.plan = undefined
      }
    }
    await this.#working
    await this.#restart()
  }

  /** Stops the process as a deploy does and starts another one on the same store: what was running is handed back, unspent. */
  async restart(): Promise<void> {
    await this.background.stop()
    await this.#restart()
  }

  /**
   * `await using lab = …` ends here: stops everything and leaves nothing behind.
   *
   * @throws TasksFailed when something has failed that no `run` has thrown, no `step` has returned, and nobody has looked
   *   for in `failures`.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    await this.#close()
    this.#throwUnseen()
  }

  // Inside

  #sightings<D extends AnyTaskDefinition>(definition: D): Sightings<D> {
    return { name: definition.name, added: this.added(definition), dropped: this.#log.dropped(definition) }
  }

  async #leadToCrash(process: LabProcess, during: (() => unknown) | undefined): Promise<void> {
    const { plan, turnstile } = this.#world
    let failure: unknown
    if (during !== undefined) {
      const led = Promise.try(during).catch((error: unknown) => void (failure = error))
      await Promise.race([led, process.death])
      if (process.dead) return
    }
    if (turnstile.auto) await this.#driver.run(process, this.#world.clock.now())
    else await this.#alone('crash', () => this.#stepToEnd(process))
    if (process.dead) return
    throw new Error(
      `lab.crash: ${String(plan)} was not reached.`,
      failure === undefined ? undefined : { cause: failure },
    )
  }

  async #stepToEnd(process: LabProcess): Promise<void> {
    while (!process.dead) if ((await this.#driver.runOne(process)) === undefined) return
  }

  async #restart(): Promise<void> {
    this.#process = new LabProcess(this.#world)
    await this.#start()
  }

  async #start(): Promise<void> {
    const { background } = this.#process
    this.#log.follow(background)
    await background.start()
    this.#app = await this.#build(background)
  }

  async #close(): Promise<void> {
    await this.background.stop({ grace: 0 })
    await this.#world.store.close()
  }

  #throwUnseen(): void {
    const unseen = this.#log.takeUnseen()
    if (unseen.length > 0) throw new TasksFailed(unseen)
  }

  async #alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy !== undefined) {
      throw new Error(`lab.${name}() was called while lab.${this.#busy}() is under way: await that one first.`)
    }
    this.#busy = name
    const done = work().finally(() => (this.#busy = undefined))
    this.#working = done.catch(() => undefined)
    return done
  }
}
