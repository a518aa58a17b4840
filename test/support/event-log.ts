import type { Background } from '../../src/background.ts'
import type { BackgroundEvents, EventName } from '../../src/model/events.ts'

const NAMES: Record<EventName, true> = {
  'task:added': true,
  'task:dropped': true,
  'attempt:start': true,
  'attempt:end': true,
  'attempt:failed': true,
  'attempt:abandoned': true,
  'claim:lost': true,
  'attempt:progress': true,
  'defer:failed': true,
  'worker:registered': true,
  'worker:fenced': true,
  'worker:rescued': true,
  'task:unknown': true,
  'loop:blocked': true,
  'task:moved': true,
  'session:pool-small': true,
  'pulse:started': true,
  'pulse:failed': true,
  'task:known': true,
  'store:error': true,
  'store:failed': true,
  stopped: true,
}

/** The name of every event. */
export const EVENT_NAMES = Object.keys(NAMES) as readonly EventName[]

/** One event as it was heard. */
export type Heard = { [N in EventName]: { readonly name: N; readonly event: BackgroundEvents[N] } }[EventName]

/** Everything that a background, or a process, told, in order; a test waits for what should come. */
export class EventLog {
  /** All of it, for looking back. */
  readonly heard: Heard[] = []
  readonly #unread: Heard[] = []
  #waiting: (() => void)[] = []

  /** Listens to a background from here on. */
  static of(background: Background): EventLog {
    const log = new EventLog()
    for (const name of EVENT_NAMES) background.on(name, (event) => log.add({ name, event } as Heard))
    return log
  }

  add(heard: Heard): void {
    this.heard.push(heard)
    this.#unread.push(heard)
    for (const look of this.#waiting.splice(0)) look()
  }

  /** The events of that name so far, of that task when one is given. */
  all<N extends EventName>(name: N, id?: string): BackgroundEvents[N][] {
    return this.heard.filter((heard) => isThis(heard, name, id)).map((heard) => heard.event as BackgroundEvents[N])
  }

  /** Takes the oldest event of that name (and task) that was not taken yet, and waits for it when there is none. */
  async until<N extends EventName>(name: N, id?: string): Promise<BackgroundEvents[N]> {
    for (;;) {
      const index = this.#unread.findIndex((heard) => isThis(heard, name, id))
      if (index >= 0) return this.#unread.splice(index, 1)[0]!.event as BackgroundEvents[N]
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }
}

function isThis(heard: Heard, name: EventName, id: string | undefined): boolean {
  return heard.name === name && (id === undefined || taskIdOf(heard.event) === id)
}

function taskIdOf(event: Heard['event']): string | undefined {
  if ('attempt' in event) return event.attempt.id
  return 'task' in event ? event.task.id : undefined
}
