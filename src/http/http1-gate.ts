import { ServerResponse } from 'node:http'
import { composedStatus, composeHead, headHasLeft, replaceHead } from './composed-head.ts'
import { type AnyFunction, callBackLater, callbackOf, type HeldCall, isChunk } from './held-calls.ts'
import { refusalOf } from './refusal.ts'
import { nobodyWaits, type ResponseTasks, type Settled } from './response-tasks.ts'
import type { Settlement } from './settlement.ts'

/**
 * The gate of one HTTP/1 response. It stands on the prototype of `http.ServerResponse`, below everything that wraps or
 * has captured the functions of a response, and in front of the three calls that put bytes on the wire: `write`, `end`
 * and `flushHeaders`. `writeHead` is none of them: Node only composes the head in it. So the gate lets Node compose,
 * which sets `headersSent`, runs middleware that listens for the head, and refuses what is invalid in the caller's face,
 * and then holds the first bytes until the tasks are stored.
 *
 *     waiting ──first bytes, nothing to store──► open ◄──stored── held ◄──first bytes── waiting
 *                                                                  └──not stored──► refused
 *
 * While it holds, calls are queued and made afterwards in the same order. `finished` stays false meanwhile although
 * `writableEnded` is true: `server.closeIdleConnections()`, which every graceful shutdown calls, destroys connections
 * whose response says `finished`, and this one has not even begun to leave.
 */
export class Http1Gate {
  readonly settlement: Settlement
  readonly #response: ServerResponse
  #state: 'waiting' | 'held' | 'open' | 'refused'
  #held: HeldCall[] | undefined
  #owesDrain = false

  constructor(response: ServerResponse, settlement: Settlement) {
    this.#response = response
    this.settlement = settlement
    this.#state = headHasLeft(response) ? 'open' : 'waiting'
    if (this.#state === 'open') settlement.settle(response.statusCode, nobodyWaits)
  }

  /** Takes a list under this gate. */
  add(list: ResponseTasks): void {
    this.settlement.add(list)
    // The head may have left with nothing said of its status, because all other lists were settled before.
    if (this.#state === 'open') this.settlement.settle(composedStatus(this.#response), nobodyWaits)
  }

  /** Makes, holds or swallows a call of the application. Throws only what Node would throw for it. */
  pass(name: Entry, original: AnyFunction, args: unknown[]): unknown {
    switch (this.#state) {
      case 'open':
        return original.apply(this.#response, args)
      case 'waiting':
        return this.settlement.isOver ? this.#pass(original, args) : this.#first({ name, original, args })
      case 'held':
        return this.#hold({ name, original, args })
      case 'refused':
        callBackLater(args)
        return name === 'write' ? true : this.#response
    }
  }

  /** Its adapter has settled all before this call. */
  #pass(original: AnyFunction, args: unknown[]): unknown {
    this.#state = 'open'
    return original.apply(this.#response, args)
  }

  #first(call: HeldCall): unknown {
    const response = this.#response
    const [chunk] = call.args
    const hasChunk = call.name === 'write' || (call.name === 'end' && Boolean(chunk) && typeof chunk !== 'function')
    // Node throws before it composes a head; whoever catches it may still answer something else.
    if (hasChunk && !isChunk(chunk)) return this.#make(call)
    if (!response.headersSent) composeHead(response, wholeBodyBytes(call))
    // A listener for the head has answered by itself.
    if (this.#state !== 'waiting') return this.pass(call.name as Entry, call.original, call.args)

    // Nothing leaves over a dead connection; the log of the background says what became of the tasks.
    const settled: Settled = response.destroyed ? nobodyWaits : (error) => this.#settled(error)
    if (!this.settlement.settle(composedStatus(response), settled) || settled === nobodyWaits) {
      this.#state = 'open'
      return this.#make(call)
    }
    this.#state = 'held'
    return this.#hold(call)
  }

  #settled(error: Error | undefined): void {
    if (error === undefined) this.#release()
    else this.#refuse(error)
  }

  #hold(call: HeldCall): unknown {
    if (this.#held === undefined) this.#held = [call]
    else this.#held.push(call)
    switch (call.name) {
      case 'write':
        this.#owesDrain = true
        return false
      case 'end':
        Object.defineProperty(this.#response, 'writableEnded', ENDED)
        return this.#response
      default:
        return undefined
    }
  }

  #release(): void {
    const response = this.#response
    try {
      // By index: a listener that Node calls meanwhile may add another call, whose turn comes after these.
      const held = this.#held ?? []
      for (let at = 0; at < held.length; at++) this.#make(held[at]!)
    } catch (error) {
      // Only the strict options of a server (content-length, bodyless answers) lead here, and their caller is gone.
      response.destroy(error as Error)
    }
    this.#held = undefined
    this.#state = 'open'
    // If Node says false for itself, it says 'drain' for itself too.
    if (this.#owesDrain && !response.writableNeedDrain) process.nextTick(emitDrain, response)
  }

  #refuse(error: Error): void {
    const response = this.#response
    const held = this.#held ?? []
    this.#held = undefined
    this.#state = 'refused'
    try {
      const body = response.destroyed ? undefined : replaceHead(response, refusalOf(error))
      if (body !== undefined) {
        return void originalsOf(ServerResponse.prototype).end.call(response, body, 'utf8', () => {
          for (const call of held) callbackOf(call.args)?.()
        })
      }
    } catch {
      // Nobody is left to whom it could be thrown; the client must not take silence for success.
    }
    response.destroy()
    for (const call of held) callBackLater(call.args)
  }

  #make(call: HeldCall): unknown {
    return call.original.apply(this.#response, call.args)
  }
}

/** Stays: when the answer has left, or was refused, it is the truth. */
const ENDED: PropertyDescriptor = { configurable: true, writable: true, value: true }

/** The calls that put bytes on the wire. */
type Entry = 'write' | 'end' | 'flushHeaders'

/** The version is part of the names: copies of the library that differ in this protocol gate independently. */
const GATE = Symbol.for('afterword.http1-gate.1')
const ORIGINALS = Symbol.for('afterword.http1-gate.1.originals')

interface Gated {
  [GATE]?: Http1Gate
}

/** The gate of a response, if it has one. */
export function http1GateOf(response: ServerResponse): Http1Gate | undefined {
  return (response as Gated)[GATE]
}

/** By this copy of the library; asked for every response. */
let isInstalled = false

/** Puts a response under a gate. */
export function setHttp1Gate(response: ServerResponse, gate: Http1Gate): void {
  ;(response as Gated)[GATE] = gate
}

/**
 * Puts the gate on `http.ServerResponse.prototype`, once per process, also when the process holds two copies of this
 * library. A response without tasks pays one look-up of a property per call.
 */
export function installHttp1Gate(): void {
  if (isInstalled) return
  isInstalled = true
  const prototype = ServerResponse.prototype as unknown as Record<Entry, AnyFunction>
  if (Object.hasOwn(prototype, ORIGINALS)) return
  const { write, end, flushHeaders } = prototype
  Object.defineProperty(prototype, ORIGINALS, { value: { write, end, flushHeaders } })
  // Three functions written out: one closure made three times would share its type feedback and be slower in all.
  prototype.write = function (this: Gated, ...args: unknown[]) {
    const gate = this[GATE]
    return gate === undefined ? write.apply(this, args) : gate.pass('write', write, args)
  }
  prototype.end = function (this: Gated, ...args: unknown[]) {
    const gate = this[GATE]
    return gate === undefined ? end.apply(this, args) : gate.pass('end', end, args)
  }
  prototype.flushHeaders = function (this: Gated, ...args: unknown[]) {
    const gate = this[GATE]
    return gate === undefined ? flushHeaders.apply(this, args) : gate.pass('flushHeaders', flushHeaders, args)
  }
}

function originalsOf(prototype: object): Record<Entry, AnyFunction> {
  return (prototype as { [ORIGINALS]: Record<Entry, AnyFunction> })[ORIGINALS]
}

/** The length of the body when this call is all of it; Node makes a content-length of it. */
function wholeBodyBytes({ name, args: [chunk, encoding] }: HeldCall): number | undefined {
  if (name !== 'end') return undefined
  if (!isChunk(chunk)) return 0
  return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined)
}

function emitDrain(response: ServerResponse): void {
  if (!response.writableEnded && !response.destroyed) response.emit('drain')
}
