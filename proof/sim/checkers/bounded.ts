import type { CheckerKind, Life } from '../history.ts'

/** Timers of an idle process: upkeep, the outcomes' wait, and the next task that is due. */
const IDLE_TIMERS_MAX = 3

/** What a client hears comes a little later than the place in the buffer is free. */
const TURN_ADDS_MAX = 8

/** Buffers keep to their budgets, and what is over leaves nothing behind: no timer, no add that hears nothing. */
export const bounded: CheckerKind = [
  'bounded',
  ({ world, fail }) => {
    const unheard = new Map<Life, Set<string>>()
    const heard = (life: Life, id: string): void => void unheard.get(life)?.delete(id)
    return (event) => {
      switch (event.kind) {
        case 'born':
          return void unheard.set(event.life, new Set())
        case 'dead':
          return void unheard.delete(event.life)
        case 'add': {
          const waiting = unheard.get(event.life)
          waiting?.add(event.id)
          if ((waiting?.size ?? 0) > world.bufferMax + TURN_ADDS_MAX) {
            fail(`${event.life} holds more adds than its budget`)
          }
          return
        }
        case 'ack':
        case 'refused':
        case 'dropped':
          return heard(event.life, event.id)
        case 'drained':
          for (const [life, ids] of unheard) {
            if (ids.size > 0) fail(`adds in ${life} never heard what became of them: ${[...ids].join(', ')}`)
          }
          for (const [life, timers] of event.timers) {
            if (timers > IDLE_TIMERS_MAX) fail(`${life} is idle and has ${timers} timers`)
          }
          return
        case 'stopped':
          unheard.delete(event.life)
          if (event.timers > 0) fail(`${event.life} has stopped and left ${event.timers} timers`)
          return
        default:
      }
    }
  },
]
