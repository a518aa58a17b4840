import type { Http2ServerResponse, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { type AnyFunction, callBackLater, type HeldCall } from './held-calls.ts'
import { refusalOf, staysOnRefusal } from './refusal.ts'
import { nobodyWaits, type ResponseTasks, type Settled } from './response-tasks.ts'
import type { Settlement } from './settlement.ts'

/** Where a function takes the headers: the first or the second argument. */
const HEADS = { respond: 0, respondWithFD: 1, respondWithFile: 1 } as const
const CALLS = ['respond', 'respondWithFD', 'respondWithFile', 'write', 'end'] as const
type Call = (typeof CALLS)[number]

/**
 * The gate of one HTTP/2 response. An `Http2ServerResponse` keeps nothing back: all it does comes down to `respond`,
 * `write` and `end` of its stream, looked up on the stream at each call. So the gate stands on that one stream, below the
 * response and below code that answers with the stream itself, and needs nothing on a prototype.
 *
 * Pushed streams have heads of their own and pass; informational heads (103) are not the final status and pass too.
 */
export class Http2Gate {
  readonly settlement: Settlement
  readonly #response: Http2ServerResponse
  readonly #stream: ServerHttp2Stream
  readonly #originals: Record<Call, AnyFunction>
  #state: 'waiting' | 'held' | 'open' | 'refused' = 'waiting'
  #held: HeldCall[] = []
  #owesDrain = false

  constructor(response: Http2ServerResponse, settlement: Settlement) {
    this.#response = response
    this.#stream = response.stream
    this.settlement = settlement
    const { respond, respondWithFD, respondWithFile, write, end } = response.stream as unknown as Record<
      Call,
      AnyFunction
    >
    this.#originals = { respond, respondWithFD, respondWithFile, write, end }
    if (this.#stream.headersSent) {
      this.#state = 'open'
      settlement.settle(response.statusCode, nobodyWaits)
      return
    }
    this.#stand()
    // A response that has closed has let go of its socket; no event tells of it again.
    if ((response.socket as unknown) === undefined) this.#watchLateAnswer()
    else response.once('close', () => this.#watchLateAnswer())
  }

  /** Takes a list under this gate. */
  add(list: ResponseTasks): void {
    this.settlement.add(list)
  }

  /** Puts the functions of the gate on the stream itself. */
  #stand(): void {
    for (const name of CALLS) {
      const value = (...args: unknown[]): unknown => this.#pass(name, args)
      Object.defineProperty(this.#stream, name, { configurable: true, writable: true, value })
    }
  }

  /** Takes them off again, so that Node finds its own. */
  #leave(): void {
    for (const name of [...CALLS, 'headersSent'] as const) delete (this.#stream as Partial<ServerHttp2Stream>)[name]
  }

  #pass(name: Call, args: unknown[]): unknown {
    const call = { name, original: this.#originals[name], args }
    // Node itself ends a stream that the client has reset; that is no answer, and nothing leaves any more.
    if (!(name in HEADS) && this.#isDead()) return this.#make(call)
    switch (this.#state) {
      case 'open':
        return this.#make(call)
      case 'waiting':
        return name === 'write' || name === 'end' ? this.#implicitHead(call) : this.#head(call, HEADS[name])
      case 'held':
        // A second head would throw in Node; nothing in Node calls it, because `headersSent` is true.
        return name in HEADS ? undefined : this.#hold(call)
      case 'refused':
        callBackLater(args)
        return name === 'write' ? true : this.#stream
    }
  }

  /** The body came first: Node sends a head with status 200 before it. */
  #implicitHead(call: HeldCall): unknown {
    this.#head({ name: 'respond', original: this.#originals.respond, args: [] }, 0)
    return this.#pass(call.name as Call, call.args)
  }

  #head(call: HeldCall, headersAt: number): unknown {
    const headers = call.args[headersAt]
    const settled: Settled = this.#isDead() ? nobodyWaits : (error) => this.#settled(error, headers)
    if (!this.settlement.settle(statusIn(headers), settled) || settled === nobodyWaits) {
      this.#open()
      return this.#make(call)
    }
    this.#state = 'held'
    this.#held.push(call)
    Object.defineProperty(this.#stream, 'headersSent', { configurable: true, get: () => true })
    return undefined
  }

  #settled(error: Error | undefined, headers: unknown): void {
    if (error === undefined) this.#release()
    else this.#refuse(error, headers)
  }

  #hold(call: HeldCall): unknown {
    this.#held.push(call)
    if (call.name === 'end') return this.#stream
    this.#owesDrain = true
    return false
  }

  #release(): void {
    const stream = this.#stream
    // On a dead stream a head throws, and a body only calls back with the error.
    const calls = this.#isDead() ? this.#held.filter(({ name }) => !(name in HEADS)) : this.#held
    this.#held = []
    this.#open()
    try {
      for (const call of calls) this.#make(call)
    } catch (error) {
      // What Node refuses in raw headers; the caller who could have been told is gone.
      stream.destroy(error as Error)
    }
    if (this.#owesDrain && !stream.writableNeedDrain) process.nextTick(emitDrain, stream)
  }

  #refuse(error: Error, headers: unknown): void {
    if (this.#isDead()) return this.#release()
    const stream = this.#stream
    const refusal = refusalOf(error)
    const held = this.#held
    this.#open()
    try {
      this.#response.statusCode = refusal.status
      stream.respond({ ':status': refusal.status, ...keptHeaders(headers), ...refusal.headers })
      // The answer to HEAD has ended with its head.
      if (!stream.writableEnded) stream.end(refusal.body)
    } catch {
      stream.destroy()
    }
    this.#held = []
    this.#state = 'refused'
    this.#stand()
    for (const call of held) callBackLater(call.args)
  }

  #open(): void {
    this.#leave()
    this.#state = 'open'
  }

  #make(call: HeldCall): unknown {
    return call.original.apply(this.#stream, call.args)
  }

  #isDead(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  /**
   * The client went away before the head. The response does nothing from here on, so the stream never learns how the
   * handler would have answered; the tasks have to.
   */
  #watchLateAnswer(): void {
    if (this.#state !== 'waiting') return
    const response = this.#response as unknown as Record<string, AnyFunction>
    for (const name of ['writeHead', 'write', 'end'] as const) {
      const original = response[name] as AnyFunction
      response[name] = (...args) => {
        const status = name === 'writeHead' ? Number(args[0]) : this.#response.statusCode
        this.settlement.settle(status, nobodyWaits)
        return original.apply(response, args)
      }
    }
  }
}

/** The status in the headers of `respond`, which are an object or names and values in turn. */
function statusIn(headers: unknown): number {
  const status = Array.isArray(headers)
    ? headers[headers.indexOf(':status') + 1]
    : (headers as OutgoingHttpHeaders | undefined)?.[':status']
  return Number(status ?? 200)
}

function keptHeaders(headers: unknown): OutgoingHttpHeaders {
  const all: [string, unknown][] = Array.isArray(headers) ? inPairs(headers) : Object.entries(headers ?? {})
  return Object.fromEntries(all.filter(([name]) => staysOnRefusal(name))) as OutgoingHttpHeaders
}

function inPairs(flat: unknown[]): [string, unknown][] {
  return flat.flatMap((name, at) => (at % 2 === 0 ? [[String(name), flat[at + 1]]] : []))
}

function emitDrain(stream: ServerHttp2Stream): void {
  if (!stream.writableEnded && !stream.destroyed) stream.emit('drain')
}
