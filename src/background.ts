import {
  type BackgroundOptions,
  BACKGROUND_OPTIONS,
  type ReadBackgroundOptions,
  type StopOptions,
} from './background-options.ts'
import { type Ports, systemPorts } from './background-ports.ts'
import { Deferrals } from './deferrals.ts'
import { Desk } from './desk.ts'
import { executor, lanes, registration, retention, smallPools } from './engine-settings.ts'
import { builtinLogger, logLevel } from './engine/builtin-logger.ts'
import { EventHub } from './engine/event-hub.ts'
import type { Explanation } from './engine/explain.ts'
import type { Lane } from './engine/lane.ts'
import { Registry } from './engine/registry.ts'
import { report } from './engine/reporter.ts'
import { ResultWaiters } from './engine/result-waiters.ts'
import type { Runner } from './engine/runner.ts'
import { within } from './engine/within.ts'
import { Worker } from './engine/worker.ts'
import { explainTask } from './explain-task.ts'
import type { Health, HealthCheck, Readiness } from './health.ts'
import { installGate, type NodeResponse } from './http/gate.ts'
import { type ClosableServer, closeUnusedWith, watchConnections } from './http/unused-connections.ts'
import { makeHealthCheck } from './make-health-check.ts'
import { makePulse } from './make-pulse.ts'
import { makeRunner } from './make-runner.ts'
import type { AddArguments, ResultOf } from './model/add-arguments.ts'
import type { BlockCount } from './model/block.ts'
import type { AnyTaskDefinition } from './model/definition.ts'
import { durationMs } from './model/duration.ts'
import { AfterwordError } from './model/errors.ts'
import type { BackgroundEvents, EventName, StopAccount } from './model/events.ts'
import type { ListFilter, ListOptions } from './model/list-options.ts'
import { inRole, processRole } from './model/process-role.ts'
import type { TaskReference } from './model/task-handle.ts'
import { refuseInIsolate } from './model/task-isolate.ts'
import type { TaskId } from './model/task.ts'
import { makeStore } from './open-store.ts'
import type { Executor } from './ports/executor.ts'
import type { CancelAnswer, Counts, Store } from './ports/store.ts'
import type { ThreadPulse } from './pulse/thread-pulse.ts'
import { refuseOwnWait } from './refuse-own-wait.ts'
import { ResponseScope, type ScopedRequest } from './response-scope.ts'
import { Responses } from './responses.ts'
import { awaitResult, type ResultOptions } from './result.ts'
import { runningNow } from './running-now.ts'
import { checkRuntime } from './runtime.ts'
import { SessionBook } from './sessions/session-book.ts'
import { handleSignals, type SignalOptions } from './signals.ts'
import { listAsk, type TaskPage, taskPage } from './task-page.ts'
import { type TaskView, taskView } from './task-view.ts'
import type { TransactionTasks } from './transaction-tasks.ts'
import { type WorkerView, workerView } from './worker-view.ts'

/** After the grace period: how long attempts may take to heed their signal, in milliseconds. */
const ABORT_MS = 500
/** How long threads and child processes may take to end: one that is deep in native code is not waited for, in milliseconds. */
const ISOLATE_END_MS = 1_000

/**
 * The object that an application creates once: it stores tasks, runs them, and stops in order. Nothing is opened before
 * `start()`, or before the first task is added.
 */
export class Background {
  readonly #settings: ReadBackgroundOptions
  readonly #ports: Ports
  readonly #hub: EventHub
  readonly #registry: Registry
  readonly #store: Store
  readonly #worker: Worker
  readonly #runner: Runner
  readonly #executor: Executor | undefined
  readonly #pulse: ThreadPulse | undefined
  readonly #lanes: ReadonlyMap<string, Lane>
  readonly #health: HealthCheck
  /** Every session that is open in this process, whoever holds it. */
  readonly #book: SessionBook
  readonly #waiters = new ResultWaiters()
  readonly #deferrals: Deferrals
  readonly #responses: Responses
  readonly #desk: Desk
  #started: Promise<void> | undefined
  #running = false
  #stopping: Promise<StopAccount> | undefined
  #hurry = Promise.withResolvers<void>()

  constructor(options: BackgroundOptions | undefined, ports: Ports) {
    checkRuntime()
    installGate()
    watchConnections()
    const settings = BACKGROUND_OPTIONS.parse('createBackground', options)
    this.#settings = settings
    this.#ports = ports
    this.#book = new SessionBook({ clock: ports.clock, here: runningNow })
    const level = logLevel(process.env)
    const logger = settings.logger ?? builtinLogger(level, () => ports.clock.now())
    this.#hub = new EventHub((name, error) => logger.error({ event: name, err: error }, 'a listener threw'))
    report(this.#hub, logger, settings.logger !== undefined || level === 'debug')
    this.#registry = new Registry(settings.tasks, Object.keys(settings.sessions).length > 0)
    this.#lanes = lanes(settings, this.#registry)
    const { store, presence } = makeStore(settings, ports, {
      failed: (error) => this.#onStoreFailed(error),
      debug: (what, error) => logger.debug(error === undefined ? {} : { err: error }, what),
    })
    this.#store = store
    this.#executor = executor(settings, this.#registry, ports, logger)
    this.#pulse = makePulse(settings, ports, {
      store,
      hub: this.#hub,
      registry: this.#registry,
      canIsolate: this.#executor !== undefined,
      runner: () => this.#runner,
      worker: () => this.#worker,
    })
    this.#runner = makeRunner(settings, ports, {
      store,
      hub: this.#hub,
      logger,
      registry: this.#registry,
      lanes: this.#lanes,
      executor: this.#executor,
      pulse: this.#pulse,
      book: this.#book,
      waiters: this.#waiters,
      worker: () => this.#worker,
      desk: () => this.#desk,
    })
    this.#worker = new Worker({
      ...settings,
      ...ports,
      store,
      presence,
      hub: this.#hub,
      pulse: this.#pulse,
      lanes: this.#lanes,
      runner: this.#runner,
      retention: retention(settings),
      registration: () => registration(settings, ports, this.#lanes, this.#registry),
    })
    this.#health = makeHealthCheck(settings, ports, {
      logger,
      store,
      lanes: this.#lanes,
      worker: this.#worker,
      opening: () => this.#readiness(),
    })
    this.#deferrals = new Deferrals((error, requestId) => this.#hub.emit('defer:failed', { error, requestId }))
    this.#responses = new Responses(ports.clock)
    this.#desk = this.#makeDesk()
  }

  // Life

  /**
   * Opens the store and registers this process. Idempotent; a background that was not started starts with its first task.
   *
   * Definitions with `thread: true` or `isolate: 'process'` are looked up there before anything else.
   *
   * @throws the STORE_… and TASK_MODULE_… codes of docs/errors.md, TASK_NOT_IN_MODULE, TASK_AMBIGUOUS, PROCESS_NOT_STARTED;
   *   BACKGROUND_STOPPED after `stop()`.
   */
  async start(): Promise<this> {
    refuseInIsolate(() => new AfterwordError('BACKGROUND_IN_ISOLATE', {}))
    if (this.#stopping !== undefined) throw new AfterwordError('BACKGROUND_STOPPED', { name: 'start' })
    this.#started ??= this.#open()
    try {
      await this.#started
    } catch (error) {
      // The next call tries again: what was in the way may have gone.
      this.#started = undefined
      throw error
    }
    return this
  }

  /**
   * Stops in order and without loss: requests in flight pass their gate, attempts get the grace period, then their
   * signals abort, and what still runs is handed back unspent. Idempotent; a second call cuts the waiting short when
   * its grace is 0. Call it after the HTTP server has stopped accepting; the framework adapters do.
   */
  async stop(options: StopOptions = {}): Promise<StopAccount> {
    const graceMs = options.grace === undefined ? this.#settings.graceMs : durationMs(options.grace, 'stop: grace')
    if (this.#stopping !== undefined && graceMs === 0) this.#hurry.resolve()
    this.#stopping ??= this.#stop(graceMs)
    return this.#stopping
  }

  /** Begins the shutdown: readiness is off, and what is added from here on is stored for whoever is free. `stop()` does it too. */
  drain(): void {
    this.#worker.drain()
  }

  /** True from the moment the shutdown began: readiness is off, answers should close their connections. */
  get draining(): boolean {
    return this.#worker.draining
  }

  /** `await using background = …` stops it at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /**
   * Stops this background on SIGTERM, SIGINT or SIGHUP, then ends the process. Opt-in: the library installs no handler
   * by itself. Repeats within a second are one signal; a later one skips the waiting and is still lossless. Under
   * `afterword start` and `afterword worker` those handle the signals, and only what closes the server is taken from here.
   */
  handleSignals(options: SignalOptions = {}): () => void {
    return handleSignals(this, this.#ports.clock, options, this.#settings.graceMs)
  }

  // Adding

  /**
   * Adds a task outside of a request; resolves once it is durable, to what `result` takes.
   *
   * @throws what `BackgroundTasks.add` throws, and the STORE_… codes; TASK_ID_TAKEN, SESSION_WAITS_FOR_ITSELF.
   */
  add<D extends AnyTaskDefinition>(
    definition: D,
    ...[input, options]: AddArguments<D>
  ): Promise<TaskReference<ResultOf<D>>> {
    // Not an async function: one promise less for each of many tasks. What a promise's executor throws rejects it.
    return new Promise((resolve, reject) => {
      refuseOwnWait(definition)
      const draft = this.#desk.draft(definition, input, options, undefined)
      this.#desk.storeAlone(draft, (error) => {
        if (error === undefined) resolve({ id: draft.id })
        else reject(error)
      })
    })
  }

  /**
   * The way into a transaction that is open, of one of the option `sessions`, or begun by yourself with the library of one of them:
   * what is added there is stored with its commit, or not at all, and may start then.
   *
   * ```ts
   * database.exec('BEGIN IMMEDIATE')
   * await background.in(database).add(sendWelcome, { userId })
   * database.exec('COMMIT')
   * ```
   */
  in(transaction: unknown): TransactionTasks {
    return this.#desk.in(transaction, undefined)
  }

  /**
   * Takes a response into care, for adapters: gives the scope of its task list. Twice for one response is once.
   * With a response of `node:http` the gate holds its head until its tasks are stored; without one the adapter calls
   * `settle` and `close`.
   */
  attach(response: NodeResponse | undefined, request?: ScopedRequest): ResponseScope {
    this.#pulse?.active()
    return ResponseScope.of(this, this.#desk, response, request)
  }

  /**
   * Takes a server into care, for adapters: when it closes, so do the connections on which no request ever came. A server
   * whose answers are attached is in care from the head of the first of them on.
   */
  attachServer(server: ClosableServer): void {
    closeUnusedWith(server)
  }

  // Looking and acting

  /** The task as stored, live or finished; undefined when the store does not have it. */
  async get(id: TaskId): Promise<TaskView | undefined> {
    await this.#readiness()
    const record = await this.#store.find(id)
    return record === undefined ? undefined : taskView(record)
  }

  /**
   * Waits until the task has ended for good and gives its result. Does not poll while the task runs in this process.
   *
   * @param task  what `add` returned, which knows the type of the result; or an id, and then the definition may tell it:
   *   `result<typeof sendWelcome>(id)`.
   * @param options.timeout  how long to wait at most; by default as long as it takes.
   * @throws TASK_UNKNOWN, TASK_FAILED (its `cause` is the last attempt's error), RESULT_TIMEOUT, and the STORE_… codes.
   */
  async result<Result>(task: TaskReference<Result>, options?: ResultOptions): Promise<Result>
  async result<D extends AnyTaskDefinition = AnyTaskDefinition>(
    id: TaskId,
    options?: ResultOptions,
  ): Promise<ResultOf<D>>
  async result(task: TaskId | TaskReference, options: ResultOptions = {}): Promise<unknown> {
    const id = typeof task === 'string' ? task : task.id
    const timeoutMs = options.timeout === undefined ? undefined : durationMs(options.timeout, 'result: timeout')
    await this.#readiness()
    return awaitResult(id, timeoutMs, this.#store, this.#ports.clock, this.#waiters)
  }

  /**
   * Cancels a task. One that waits is cancelled at once; one that runs gets its signal aborted with reason `cancelled`
   * and ends as its function decides. `requested` means the latter, `finished` that it had ended before.
   */
  async cancel(id: TaskId): Promise<CancelAnswer['kind']> {
    await this.#readiness()
    // First: its session may hold the lock of the store's file, and then the store learns of the cancel after its end.
    this.#runner.abort(id)
    const answer = await this.#store.cancel(id, this.#ports.clock.now())
    if (answer.kind === 'requested') this.#worker.cancelAt(answer.worker, id)
    else if (answer.kind === 'cancelled') this.#afterChange(id)
    return answer.kind
  }

  /**
   * Brings a failed, cancelled or quarantined task back to life with fresh counters; it stands outside of its series then, unless
   * it was cancelled while it waited there and its turn has not come yet. False when it is none of these.
   */
  async requeue(id: TaskId): Promise<boolean> {
    await this.#readiness()
    const done = await this.#store.requeue(id, this.#ports.clock.now())
    if (done) this.#afterChange(id)
    return done
  }

  /** Says in plain words why a task is not running now. */
  async explain(id: TaskId): Promise<Explanation> {
    await this.#readiness()
    return explainTask(id, this.#store, this.#ports.clock)
  }

  /**
   * Looks at tasks, newest first, a page at a time: `limit` (1 to 1000, by default 50) and `before`, the `next` of the page
   * before. Tasks with an id of your own come after the others. What it costs does not grow with the history when only
   * live states are asked for; else a page looks at 5,000 tasks at most, so that it may hold fewer than its limit and go on.
   *
   * @throws OPTION_UNKNOWN, OPTION_INVALID, OPTIONS_INVALID, and the STORE_… codes.
   */
  async list(filter?: ListFilter, options?: ListOptions): Promise<TaskPage> {
    const ask = listAsk(filter, options)
    await this.#readiness()
    return taskPage(await this.#store.list(ask))
  }

  /** Every worker that is registered in the store, this one included, oldest first. */
  async workers(): Promise<readonly WorkerView[]> {
    await this.#readiness()
    return (await this.#store.workers()).map(workerView)
  }

  /** What has kept the event loop of this process from turning for longer than `blockedAfter`, the worst first. */
  blocks(): readonly BlockCount[] {
    return this.#pulse?.blocks() ?? []
  }

  /**
   * Whether the process is well: false when only a restart helps, after the store has failed for good. Asks nobody.
   * For `/healthz` see {@link healthHandler}.
   */
  get live(): boolean {
    return this.#health.live
  }

  /**
   * Whether tasks can be added and run here, and why not. Proven by a canary task through the store, not more often than every five
   * seconds. Starts a background that was not started. Answers within a second, also when the store hangs; never rejects.
   */
  readiness(): Promise<Readiness> {
    return this.#health.readiness()
  }

  /**
   * The same, and how this process, its store and its queues are. Counts the unfinished tasks, so it costs more the more there are:
   * for people and dashboards. Answers within two seconds; never rejects.
   */
  health(): Promise<Health> {
    return this.#health.health()
  }

  /** How many unfinished tasks stand in each state, by queue. */
  async counts(): Promise<Counts> {
    await this.#readiness()
    return this.#store.counts()
  }

  /** Starts no further task of that queue, in any process, until `resume`. Adding goes on. */
  async pause(queue: string): Promise<void> {
    await this.#readiness()
    await this.#store.pause(queue, true)
    await this.#worker.refresh()
  }

  /** Lifts `pause`. */
  async resume(queue: string): Promise<void> {
    await this.#readiness()
    await this.#store.pause(queue, false)
    await this.#worker.refresh()
  }

  /** Calls `listener` at each event of that name until the returned function is called. A listener that throws is reported, no more. */
  on<N extends EventName>(name: N, listener: (event: BackgroundEvents[N]) => void): () => void {
    return this.#hub.on(name, listener)
  }

  // Inside

  #makeDesk(): Desk {
    return new Desk({
      settings: this.#settings,
      ports: this.#ports,
      hub: this.#hub,
      registry: this.#registry,
      worker: this.#worker,
      runner: this.#runner,
      lanes: this.#lanes,
      deferrals: this.#deferrals,
      responses: this.#responses,
      book: this.#book,
      store: this.#store,
      isOpen: () => this.#running,
      ready: () => this.#readiness(),
    })
  }

  async #open(): Promise<void> {
    if (this.#executor !== undefined) await this.#executor.prove(this.#registry.isolated)
    await this.#worker.start()
    for (const pool of smallPools(this.#settings, this.#lanes)) this.#hub.emit('session:pool-small', pool)
    this.#running = true
  }

  /** Undefined while the store is open; else a promise of it. */
  #readiness(): Promise<unknown> | undefined {
    return this.#running ? undefined : this.start()
  }

  #afterChange(id: TaskId): void {
    this.#waiters.notify(id)
    // It, or what waited behind it, may be ready.
    this.#worker.wake()
  }

  async #stop(graceMs: number): Promise<StopAccount> {
    const { clock } = this.#ports
    const begunMs = clock.monotonicMs()
    this.#worker.drain()
    // A start under way comes first; one that failed has left nothing to stop.
    const opened = await (this.#started ?? Promise.reject(new Error('never started'))).then(
      () => true,
      () => false,
    )
    const left = (): number => Math.max(0, graceMs - (clock.monotonicMs() - begunMs))
    if (opened) await within(clock, left(), Promise.race([this.#responses.quiet(), this.#hurry.promise]))
    await this.#responses.settleAll()
    this.#desk.close()
    const deferred = within(clock, left(), Promise.race([this.#deferrals.quiet(), this.#hurry.promise]))
    const none = { finished: 0, handedBack: [], abandoned: [], leftToRescue: [] }
    const account = opened ? await this.#worker.stop(left(), ABORT_MS, this.#hurry.promise, deferred) : none
    await deferred
    if (this.#executor !== undefined) await within(clock, ISOLATE_END_MS, this.#executor.stop())
    this.#waiters.notifyAll()
    const full = { ...account, deferred: this.#deferrals.running }
    this.#hub.emit('stopped', full)
    return full
  }

  #onStoreFailed(error: AfterwordError): void {
    this.#worker.failed()
    this.#health.storeFailed(error)
    this.#hub.emit('store:failed', { error })
  }
}

/**
 * Creates a background: the stores, the queues and the definitions of one application. Nothing is opened yet.
 *
 * @throws OPTION_UNKNOWN, OPTION_INVALID, OPTIONS_CONFLICT, DURATION_INVALID, TASK_NAME_TAKEN, QUEUE_UNKNOWN, STORE_URL_INVALID, RUNTIME_TOO_OLD.
 */
export function createBackground(options?: BackgroundOptions): Background {
  const background = new Background(inRole(options), systemPorts())
  processRole()?.created(background, options ?? {})
  return background
}
