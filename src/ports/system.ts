import { randomFillSync } from 'node:crypto'
import type { Chance } from './chance.ts'
import type { Clock, Timer } from './clock.ts'
import type { Ids } from './ids.ts'

/** As it was when the library was loaded: fake timers that a test installs later do not stop the turns of the event loop. */
const nextTurn = setImmediate

/** The real clock. The only file of the library that may ask the system for the time or set a timer. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, callback, keepAlive = false): Timer {
    // A longer timer would fire at once: Node stores the delay in 31 bits.
    const timer = setTimeout(callback, Math.min(ms, 2_147_483_647))
    if (!keepAlive) timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  soon(callback) {
    nextTurn(callback)
  },
}

/** The real chance. */
export const systemChance: Chance = { fraction: () => Math.random() }

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const POOL_BYTES = 4096

/**
 * UUIDv7 whose 12 bits behind the timestamp are a counter, so that ids of one process are in the order of their
 * creation (RFC 9562, section 6.2, method 1). The counter starts each millisecond at a random point of its lower half,
 * so that processes rarely meet; past its end it borrows the next millisecond.
 *
 * @source RFC 9562, sections 5.7 and 6.2.
 */
export function createIds(
  clock: Pick<Clock, 'now'>,
  random: (bytes: Uint8Array) => void = (bytes) => void randomFillSync(bytes),
): Ids {
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  let lastMs = 0
  let counter = 0
  let prefix = ''
  return {
    task() {
      if (used + 10 > POOL_BYTES) {
        random(pool)
        used = 0
      }
      const ms = clock.now()
      if (ms > lastMs || counter === 0xfff) {
        lastMs = ms > lastMs ? ms : lastMs + 1
        counter = ((pool[used]! << 8) | pool[used + 1]!) & 0x7ff
        const hex = lastMs.toString(16).padStart(12, '0')
        prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`
      } else counter++
      const p = used + 2
      used += 10
      return (
        prefix +
        HEX[counter >> 8]![1] +
        HEX[counter & 0xff] +
        '-' +
        HEX[(pool[p]! & 0x3f) | 0x80] +
        HEX[pool[p + 1]!] +
        '-' +
        HEX[pool[p + 2]!] +
        HEX[pool[p + 3]!] +
        HEX[pool[p + 4]!] +
        HEX[pool[p + 5]!] +
        HEX[pool[p + 6]!] +
        HEX[pool[p + 7]!]
      )
    },
  }
}
