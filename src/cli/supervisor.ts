import type { ChildProcess } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { AfterwordError } from '../index.ts'
import type { Chance } from '../ports/chance.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { StartSettings } from './command.ts'
import type { ProcessSettings, Role } from './messages.ts'
import { counted, endText, readyText, stoppedText } from './phrases.ts'
import { Restarts } from './restarts.ts'
import { nameOf, type StatusLines, type Subject } from './status-lines.ts'
import { type ProcessEvents, SupervisedProcess } from './supervised-process.ts'

/** Limits are drawn for each process from this share above what was asked for, so that not all are reached at once. */
const JITTER = 0.1

/** What a supervisor is made of. */
export interface SupervisorParts {
  readonly settings: StartSettings
  readonly clock: Clock
  readonly chance: Chance
  readonly lines: StatusLines
  spawn(settings: ProcessSettings, args: readonly string[]): ChildProcess
}

/** A place that a process shall always fill. */
interface Place {
  readonly role: Role
  readonly number: number
  readonly restarts: Restarts
  /** The process that fills it; undefined in the pause before the next start. */
  current: SupervisedProcess | undefined
  /** The one that starts to take its turn. */
  next: SupervisedProcess | undefined
  pause: Timer | undefined
  /** Whether a process was ever ready here: until then nobody misses it when the start is given up. */
  wasReady: boolean
}

/**
 * Keeps web processes and workers running: starts again what died, replaces what is worn or shall be loaded anew without
 * a gap, and stops all of it in order. A replacement begins with the new process; the old one stops when that is ready.
 */
export class Supervisor {
  readonly #parts: SupervisorParts
  readonly #places: readonly Place[]
  readonly #self: Subject = { role: 'supervisor', pid: process.pid }
  readonly #running = new Set<SupervisedProcess>()
  readonly #over = Promise.withResolvers<number>()
  /** Replacements follow one another: at any time at most one process is there beyond the number asked for. */
  #replacing: Promise<unknown> = Promise.resolve()
  #reloadAsked = false
  #isStopping = false
  #exitCode = 0

  constructor(parts: SupervisorParts) {
    this.#parts = parts
    const { web, workers, restartDelayMs } = parts.settings
    const place = (role: Role, index: number): Place => ({
      role,
      number: index + 1,
      restarts: new Restarts(restartDelayMs, parts.chance),
      current: undefined,
      next: undefined,
      pause: undefined,
      wasReady: false,
    })
    this.#places = [
      ...Array.from({ length: web }, (_, index) => place('web', index)),
      ...Array.from({ length: workers }, (_, index) => place('worker', index)),
    ]
  }

  /** Starts everything; resolves to the exit code when all of it has ended. */
  async run(): Promise<number> {
    const { settings, lines } = this.#parts
    const { web, workers, entryName } = settings
    const what = `${counted(web, 'web process', 'web processes')} and ${counted(workers, 'worker', 'workers')}`
    lines.say('starting', this.#self, `starts ${what} of ${entryName}`)
    const [all, cores] = [web + workers, availableParallelism()]
    const many = `${all} processes share ${counted(cores, 'core', 'cores')}; more than one for each make nothing faster`
    if (all > cores) lines.say('warning', this.#self, many)
    for (const place of this.#places) this.#start(place)
    return this.#over.promise
  }

  /** Replaces every process, one after another. What cannot start leaves the old one in its place, and ends the reload. */
  reload(why: string): void {
    if (this.#isStopping || this.#reloadAsked) return
    const { lines } = this.#parts
    this.#reloadAsked = true
    this.#queue(async () => {
      this.#reloadAsked = false
      lines.say('reloading', this.#self, `reloads after ${why}`)
      for (const place of this.#places) {
        if (this.#isStopping) return
        if (await this.#replace(place, 'the reload')) continue
        if (!this.#isStopping) lines.say('failed', this.#self, 'gives the reload up; what was not replaced goes on')
        return
      }
      lines.say('reloaded', this.#self, 'the reload is complete')
    })
  }

  /** Stops everything in order. */
  stop(why: string): void {
    if (this.#isStopping) return
    this.#isStopping = true
    this.#parts.lines.say('stopping', this.#self, `stops ${why}`)
    for (const place of this.#places) place.pause?.cancel()
    for (const process of this.#running) void process.stop({ graceMs: this.#parts.settings.graceMs, gently: false })
    this.#endIfEmpty()
  }

  /** Cuts the waiting of `stop` short. */
  hurry(): void {
    this.#parts.lines.say('stopping', this.#self, 'hurries after a second signal')
    for (const process of this.#running) process.hurry()
  }

  // Starting

  #start(place: Place): void {
    place.pause = undefined
    place.current = this.#launch(place)
  }

  #launch(place: Place): SupervisedProcess {
    const { settings, clock, lines } = this.#parts
    const { role, number } = place
    const child = this.#parts.spawn(this.#settingsFor(role), settings.args)
    const process = new SupervisedProcess(
      child,
      { role, number },
      clock,
      settings.startTimeoutMs,
      this.#eventsOf(place),
    )
    this.#running.add(process)
    lines.say('started', process.subject, 'started')
    return process
  }

  #settingsFor(role: Role): ProcessSettings {
    const { web, workers: worker, entry, entryName, maxTasks, maxMemoryMb, ...rest } = this.#parts.settings
    const { concurrency, graceMs, startTimeoutMs } = rest
    return {
      role,
      entry,
      entryName,
      processes: { web, worker },
      queues: undefined,
      concurrency: role === 'worker' || worker === 0 ? concurrency : undefined,
      graceMs,
      startTimeoutMs,
      maxTasks: this.#drawn(maxTasks),
      maxMemoryMb: this.#drawn(maxMemoryMb),
    }
  }

  #drawn(limit: number | undefined): number | undefined {
    return limit === undefined ? undefined : Math.round(limit * (1 + this.#parts.chance.fraction() * JITTER))
  }

  #eventsOf(place: Place): ProcessEvents {
    const { settings, clock, lines } = this.#parts
    return {
      ready: (process, what) => {
        place.wasReady = true
        place.restarts.ready()
        lines.say('ready', process.subject, readyText(place.role, what))
        for (const warning of what.warnings) lines.say('warning', process.subject, warning)
        const ageMs = this.#drawn(settings.maxAgeMs)
        if (ageMs !== undefined) clock.after(ageMs, () => this.#renew(place, process, `${ageMs} ms of age`))
      },
      stopping: (process, signal) => lines.say('stopping', process.subject, `stops after ${signal}`),
      worn: (process, why) => this.#renew(place, process, why),
      killed: (process, why) => lines.say('killed', process.subject, `${why}, and is killed`),
      ended: (process) => this.#onEnd(place, process),
    }
  }

  // Ending

  #onEnd(place: Place, process: SupervisedProcess): void {
    this.#running.delete(process)
    this.#sayEnd(process)
    if (this.#isStopping) {
      if (process.ending?.code !== 0) this.#exitCode = 1
      return this.#endIfEmpty()
    }
    // A process that starts to take its turn, or the old one that it came for, is the affair of the replacement.
    if (place.current === process && place.next === undefined) this.#startAgain(place, process)
  }

  #sayEnd({ subject, ending, counts, isStopping, refusal }: SupervisedProcess): void {
    const { lines } = this.#parts
    const how = endText(ending?.code ?? null, ending?.signal ?? null)
    if (refusal !== undefined) lines.say('failed', subject, refusal)
    else if (isStopping && counts !== undefined) lines.say('stopped', subject, stoppedText(counts))
    else if (isStopping) lines.say('stopped', subject, `ended ${how}`)
    else lines.say('died', subject, `died ${how}`)
  }

  #startAgain(place: Place, dead: SupervisedProcess): void {
    const { clock, lines } = this.#parts
    place.current = undefined
    const isHopeless = dead.refusal !== undefined && !place.wasReady
    const pauseMs = isHopeless ? undefined : place.restarts.died(dead.readyForMs)
    if (pauseMs === undefined) return this.#giveUp(place, dead)
    lines.say('starting', { ...dead.subject, incarnations: [] }, `starts again in ${pauseMs} ms`)
    place.pause = clock.after(pauseMs, () => this.#start(place), true)
  }

  #giveUp(place: Place, dead: SupervisedProcess): void {
    this.#exitCode = 1
    if (dead.refusal === undefined) {
      const { message } = new AfterwordError('PROCESS_DIES_AT_START', {
        name: nameOf(dead.subject),
        times: place.restarts.deathsAtStart,
        how: endText(dead.ending?.code ?? null, dead.ending?.signal ?? null),
        output: dead.output === '' ? '(nothing)' : dead.output,
      })
      this.#parts.lines.say('failed', this.#self, message)
    }
    this.stop(`because ${nameOf(dead.subject)} cannot start`)
  }

  #endIfEmpty(): void {
    if (this.#running.size === 0) this.#over.resolve(this.#exitCode)
  }

  // Replacing

  #queue(replacement: () => Promise<unknown>): void {
    this.#replacing = this.#replacing.then(replacement)
  }

  /** Replaces a process by itself, unless it has been meanwhile. */
  #renew(place: Place, process: SupervisedProcess, why: string): void {
    this.#queue(async () => {
      if (!this.#isStopping && place.current === process && !process.isStopping) await this.#replace(place, why)
    })
  }

  /** Resolves to false when the new process could not start; the old one goes on then. */
  async #replace(place: Place, why: string): Promise<boolean> {
    const { lines, settings } = this.#parts
    const old = place.current
    if (old === undefined) {
      place.pause?.cancel()
      this.#start(place)
      return place.current!.up
    }
    lines.say('replacing', old.subject, `is replaced because of ${why}`)
    const next = this.#launch(place)
    place.next = next
    const isUp = await next.up
    place.next = undefined
    if (this.#isStopping) return false
    if (!isUp) {
      if (old.ending !== undefined) this.#startAgain(place, old)
      return false
    }
    place.current = next
    if (next.ending !== undefined) this.#startAgain(place, next)
    await old.stop({ graceMs: settings.graceMs, gently: true })
    return true
  }
}
