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

const DIGITS = Buffer.from('0123456789abcdef')
const DASH = 0x2d
/** Every counter as it stands in an id. */
const COUNTERS = Array.from({ length: 4096 }, (_, counter) => counter.toString(16).padStart(3, '0'))
/** What follows the counter: a dash, the variant and 14 bits, a dash and 48 bits. */
const TAIL_LENGTH = 18
const TAILS = 256
/** Random bytes for each tail: eight that stand in it, and two for a counter that may begin with it. */
const TAIL_BYTES = 10

/**
 * UUIDv7 whose 12 bits behind the timestamp are a counter, so that ids of one process are in the order of their
 * creation (RFC 9562, section 6.2, method 1). The counter starts each millisecond at a random point of its lower half,
 * so that processes rarely meet; past its end it borrows the next millisecond.
 *
 * The random ends are made in advance, {@link TAILS} at a time: one slice of a long text is cheaper than a dozen pieces.
 *
 * @source RFC 9562, sections 5.7 and 6.2.
 */
export function createIds(
  clock: Pick<Clock, 'now'>,
  random: (bytes: Uint8Array) => void = (bytes) => void randomFillSync(bytes),
): Ids {
  const bytes = new Uint8Array(TAILS * TAIL_BYTES)
  let tails = ''
  let used = TAILS
  let lastMs = 0
  let counter = 0
  let prefix = ''
  return {
    task() {
      if (used === TAILS) {
        random(bytes)
        tails = tailsOf(bytes)
        used = 0
      }
      const tail = used++
      const ms = clock.now()
      if (ms > lastMs || counter === 0xfff) {
        lastMs = ms > lastMs ? ms : lastMs + 1
        const at = tail * TAIL_BYTES
        counter = ((bytes[at]! << 8) | bytes[at + 1]!) & 0x7ff
        const hex = lastMs.toString(16).padStart(12, '0')
        prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`
      } else counter++
      return prefix + COUNTERS[counter]! + tails.slice(tail * TAIL_LENGTH, (tail + 1) * TAIL_LENGTH)
    },
  }
}

/** The ends of ids in one text. */
function tailsOf(bytes: Uint8Array): string {
  const text = Buffer.allocUnsafe(TAILS * TAIL_LENGTH)
  let to = 0
  for (let tail = 0; tail < TAILS; tail++) {
    let from = tail * TAIL_BYTES + 2
    text[to++] = DASH
    text[to++] = DIGITS[((bytes[from]! >> 4) & 3) | 8]!
    text[to++] = DIGITS[bytes[from++]! & 15]!
    to = hexByte(text, to, bytes[from++]!)
    text[to++] = DASH
    for (let i = 0; i < 6; i++) to = hexByte(text, to, bytes[from++]!)
  }
  return text.toString('latin1')
}

function hexByte(text: Buffer, at: number, byte: number): number {
  text[at] = DIGITS[byte >> 4]!
  text[at + 1] = DIGITS[byte & 15]!
  return at + 2
}
