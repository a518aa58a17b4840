import { writeSync } from 'node:fs'
import type { Incarnation } from '../model/task.ts'
import type { Clock } from '../ports/clock.ts'
import type { Role } from './messages.ts'

/** Whom a line is about. */
export interface Subject {
  readonly role: Role | 'supervisor'
  /** Which of its role it is; the first is 1. */
  readonly number?: number
  readonly pid: number | undefined
  readonly incarnations?: readonly Incarnation[]
}

/** What a line tells of. */
export type Change =
  | 'starting'
  | 'started'
  | 'ready'
  | 'warning'
  | 'reloading'
  | 'reloaded'
  | 'replacing'
  | 'stopping'
  | 'stopped'
  | 'died'
  | 'killed'
  | 'failed'

/** One line on stderr for each change, for people or, with `json`, for programs. */
export class StatusLines {
  readonly #clock: Clock
  readonly #json: boolean

  constructor(clock: Clock, json: boolean) {
    this.#clock = clock
    this.#json = json
  }

  /** Writes a line. What nobody can read any more is no error. */
  say(change: Change, subject: Subject, message: string): void {
    const time = new Date(this.#clock.now()).toISOString()
    const line = this.#json
      ? JSON.stringify({ time, change, ...subject, message })
      : `afterword ${nameOf(subject)} (${identityOf(subject)}): ${message}`
    try {
      writeSync(2, `${line}\n`)
    } catch {
      // A terminal that was closed, or a pipe.
    }
  }
}

/** What a process is called: `web 1`. */
export function nameOf({ role, number }: Subject): string {
  return number === undefined ? role : `${role} ${number}`
}

function identityOf({ pid, incarnations = [] }: Subject): string {
  const registered = incarnations.length === 0 ? '' : `, incarnation ${incarnations.join(', ')}`
  return `pid ${pid ?? 'unknown'}${registered}`
}
