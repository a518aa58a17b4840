import { AfterwordError, type Background, type BackgroundOptions, type StopAccount } from '../index.ts'
import { takeRole } from '../model/process-role.ts'
import type { Incarnation } from '../model/task.ts'
import type { Clock } from '../ports/clock.ts'
import { Deadline } from './deadline.ts'
import { graceMs } from './grace.ts'
import { LastWords } from './last-words.ts'
import type { FromProcess, ProcessSettings, StopOrder } from './messages.ts'
import { Servers } from './servers.ts'
import { warningsOf } from './warnings.ts'
import { Wear } from './wear.ts'

/** What a host is made of. */
export interface HostParts {
  readonly settings: ProcessSettings
  readonly clock: Clock
  /** Says something to whoever looks after this process; resolves when it is on its way. */
  tell(message: FromProcess): Promise<void>
  /** Keeps the process alive, or lets it end when it has nothing to do. */
  hold(alive: boolean): void
  /** Lets handlers that the application installed hear of SIGTERM, once. False when there are none. */
  passOn(): boolean
  exit(code: number): void
}

/** A background of the application, and the options that it gave. */
export interface Created {
  readonly background: Background
  readonly given: BackgroundOptions
}

/**
 * The application in a process that the command line started. It gives the process its role before the application's module is
 * imported, proves that it is ready (each background started, and in a web process a server listens), and stops all of it
 * in order.
 */
export class ApplicationHost {
  readonly #parts: HostParts
  readonly #created: Created[] = []
  readonly #incarnations = new Map<Background, Incarnation>()
  readonly #started = new Set<Background>()
  readonly #closes = new Set<() => unknown>()
  readonly #servers: Servers
  readonly #lastWords = new LastWords()
  #inUse: string | undefined
  #underWay = 0
  #loaded = false
  #ready = false
  #stopping: Promise<void> | undefined
  #deadline: Deadline | undefined

  constructor(parts: HostParts) {
    this.#parts = parts
    this.#servers = new Servers(parts.clock, {
      asked: () => this.#begin(),
      answered: () => this.#end(),
      inUse: (at) => (this.#inUse = at),
    })
  }

  /** Prepares the process: to be called before anything of the application is imported. */
  prepare(): void {
    const { settings, clock } = this.#parts
    const { role, processes, queues, concurrency, startTimeoutMs } = settings
    takeRole<Background, BackgroundOptions>({
      works: role === 'worker' || processes.worker === 0,
      ordered: {
        ...(queues === undefined ? {} : { serves: queues }),
        ...(concurrency === undefined ? {} : { concurrency }),
      },
      created: (background, given) => this.#onCreated(background, given),
      closes: (close) => {
        this.#closes.add(close)
        return () => this.#closes.delete(close)
      },
    })
    this.#servers.watch(role === 'worker')
    this.#lastWords.listen()
    process.once('exit', () => this.#onExit())
    process.once('beforeExit', () => this.#onNothingToDo())
    clock.after(startTimeoutMs, () => this.#onTooLong())
    this.#parts.hold(false)
  }

  /** The module of the application has been imported, with all that it awaited. */
  loaded(): void {
    this.#loaded = true
    for (const { background } of this.#created) this.#start(background)
    this.#look()
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined
  }

  /** Stops in order: servers, what the application gave to close, backgrounds, the process. Idempotent. */
  stop(order: StopOrder): void {
    this.#stopping ??= this.#stop(order)
  }

  /** Cuts the waiting of `stop` short. Nothing is lost by it. */
  hurry(): void {
    this.#deadline?.hurry()
    for (const { background } of this.#created) background.stop({ grace: 0 }).catch(() => undefined)
  }

  /** Tells that this process can never start like this, and ends it. */
  async refuse(error: AfterwordError): Promise<void> {
    this.#ready = true // Nothing more is to be said.
    await this.#parts.tell({ kind: 'refused', message: error.message })
    this.#parts.exit(1)
  }

  #onCreated(background: Background, given: BackgroundOptions): void {
    const { role, processes, entryName: entry } = this.#parts.settings
    this.#created.push({ background, given })
    background.on('worker:registered', ({ worker }) => void this.#incarnations.set(background, worker))
    const isShared = role === 'worker' || processes.worker > 0
    if (isShared && given.store === 'memory:') {
      void this.refuse(new AfterwordError('STORE_NOT_SHARED', { entry }))
    } else if (role === 'worker' && given.works === false) {
      void this.refuse(new AfterwordError('WORKER_WORKS_NOT', { entry }))
    } else if (this.#loaded) this.#parts.clock.soon(() => this.#start(background))
  }

  /** Something is under way that may keep no process alive. */
  #begin(): void {
    if (this.#underWay++ === 0) this.#parts.hold(true)
  }

  #end(): void {
    if (--this.#underWay === 0 && !this.#ready) this.#parts.hold(false)
    this.#look()
  }

  #start(background: Background): void {
    this.#begin()
    background.start().then(
      () => {
        this.#started.add(background)
        this.#end()
      },
      (error: unknown) => {
        if (this.isStopping) return
        // As an error that nobody caught, which this would be in an application that started it by itself.
        this.#lastWords.say(error)
        this.#parts.exit(1)
      },
    )
  }

  /** Tells that it is ready, once it is. */
  #look(): void {
    const { role, entryName: entry } = this.#parts.settings
    if (this.#ready || this.isStopping || !this.#loaded) return
    if (this.#created.length === 0) {
      if (!this.#servers.isListening) return
      return void this.refuse(new AfterwordError('ENTRY_WITHOUT_BACKGROUND', { entry }))
    }
    if (this.#created.some(({ background }) => !this.#started.has(background))) return
    if (role === 'web' && !this.#servers.isListening) return
    this.#ready = true
    void this.#tellReady()
  }

  async #tellReady(): Promise<void> {
    const { settings, clock } = this.#parts
    this.#lastWords.end()
    this.#parts.hold(true)
    const seen = await Promise.all(this.#created.map((created) => this.#workersSeenBy(created)))
    await this.#parts.tell({
      kind: 'ready',
      incarnations: [...this.#incarnations.values()],
      listens: this.#servers.addresses,
      serves: seen.flatMap(({ own }) => own?.queues ?? []),
      graceMs: graceMs(settings.graceMs, this.#created),
      warnings: seen.flatMap(({ given, workers }) => warningsOf(settings, given, workers)),
    })
    new Wear(clock, settings, (why) => void this.#parts.tell({ kind: 'worn', why })).watch(this.#created)
  }

  async #workersSeenBy({ background, given }: Created) {
    const workers = await background.workers().catch(() => [])
    return { given, workers, own: workers.find(({ worker }) => worker === this.#incarnations.get(background)) }
  }

  /** The event loop is empty, and this process was never ready: it never will be. */
  #onNothingToDo(): void {
    if (this.#ready || this.isStopping) return
    const entry = this.#parts.settings.entryName
    if (this.#inUse !== undefined) void this.refuse(new AfterwordError('PORT_IN_USE', { entry, at: this.#inUse }))
    else if (this.#created.length === 0) void this.refuse(new AfterwordError('ENTRY_WITHOUT_BACKGROUND', { entry }))
    else void this.refuse(new AfterwordError('ENTRY_LISTENS_NOWHERE', { entry }))
  }

  #onTooLong(): void {
    if (this.#ready || this.isStopping) return
    const { entryName: entry, startTimeoutMs: waitedMs } = this.#parts.settings
    this.#lastWords.say(
      new AfterwordError('ENTRY_STARTS_TOO_LONG', { entry, waitedMs, missing: this.#missing }).message,
    )
    this.#parts.exit(1)
  }

  get #missing(): string {
    if (!this.#loaded) return 'its import has not ended'
    if (this.#created.length === 0) return 'it has created no background'
    const isStarted = this.#started.size === this.#created.length
    return isStarted ? 'no server listens' : 'its background has not started'
  }

  #onExit(): void {
    if (this.#ready || this.isStopping) return
    const facts = { entry: this.#parts.settings.entryName, at: this.#inUse ?? '' }
    if (this.#inUse === undefined) void this.#parts.tell({ kind: 'failing', output: this.#lastWords.text })
    else void this.#parts.tell({ kind: 'refused', message: new AfterwordError('PORT_IN_USE', facts).message })
  }

  async #stop(order: StopOrder): Promise<void> {
    const { settings, clock } = this.#parts
    const allMs = order.graceMs ?? graceMs(settings.graceMs, this.#created)
    const deadline = new Deadline(clock, allMs)
    this.#deadline = deadline
    for (const { background } of this.#created) background.drain()
    await this.#servers.close(deadline, order.gently ? allMs / 2 : 0)
    // Where it gave nothing to close it may have a shutdown of its own: NestJS's hooks close what their modules opened.
    const isPassedOn = this.#closes.size === 0 && this.#parts.passOn()
    const closed = await this.#closeApplication(deadline)
    const stopped = this.#created.map(({ background }) =>
      background.stop({ grace: deadline.leftMs }).catch(() => undefined),
    )
    const accounts = await Promise.all(stopped)
    await this.#parts.tell({ kind: 'stopped', ...countsOf(accounts) })
    const code = closed && accounts.every((account) => account?.abandoned.length === 0) ? 0 : 1
    if (!isPassedOn) return this.#parts.exit(code)
    // It ends as soon as that is over, or with the grace.
    process.exitCode = code
    this.#parts.hold(false)
    clock.after(deadline.leftMs, () => this.#parts.exit(code))
  }

  /** Calls what the application gave to `handleSignals`. False when something of it failed. */
  async #closeApplication(deadline: Deadline): Promise<boolean> {
    let isFine = true
    const closing = [...this.#closes].map(async (close) => {
      try {
        await close()
      } catch (error) {
        // Its servers are closed already, as they may find.
        if ((error as NodeJS.ErrnoException | undefined)?.code === 'ERR_SERVER_NOT_RUNNING') return
        isFine = false
        this.#lastWords.say(error)
      }
    })
    await deadline.wait(Promise.all(closing))
    return isFine
  }
}

function countsOf(accounts: readonly (StopAccount | undefined)[]) {
  const sum = (count: (account: StopAccount) => number): number =>
    accounts.reduce((total, account) => total + (account === undefined ? 0 : count(account)), 0)
  return {
    finished: sum(({ finished }) => finished),
    handedBack: sum(({ handedBack }) => handedBack.length),
    abandoned: sum(({ abandoned }) => abandoned.length),
  }
}
