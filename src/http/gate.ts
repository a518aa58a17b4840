import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { installConnectionClose } from './connection-close.ts'
import { Http1Gate, http1GateOf, installHttp1Gate, setHttp1Gate } from './http1-gate.ts'
import { Http2Gate } from './http2-gate.ts'
import type { ResponseTasks } from './response-tasks.ts'
import { Settlement } from './settlement.ts'

/** A response of `node:http`, `node:https` or of the compatibility API of `node:http2`. */
export type NodeResponse = ServerResponse | Http2ServerResponse

const HTTP2_GATE = Symbol.for('afterword.http2-gate.1')

/**
 * Prepares this process for gates. Idempotent and cheap; it is called as a background is created, so that it stands
 * before a handler, or middleware, takes hold of the functions of the first response.
 */
export function installGate(): void {
  installHttp1Gate()
  installConnectionClose()
}

/**
 * Holds the head of `response` until its tasks are stored: `tasks.settle(status)` is called once, with the status that
 * is about to leave, and no byte of the answer leaves before it says so. When nothing could be kept, the client gets
 * 503 (or the error's own status) with `Retry-After` instead. `tasks.close()` is called once, when the response has
 * finished or its connection is gone.
 *
 * A response that has left already settles at once; several lists on one response share its gate.
 */
export function gateResponse(response: NodeResponse, tasks: ResponseTasks): void {
  const gate = gateOf(response) ?? createGate(response)
  gate.add(tasks)
}

function gateOf(response: NodeResponse): Http1Gate | Http2Gate | undefined {
  return http1GateOf(response as ServerResponse) ?? (response as { [HTTP2_GATE]?: Http2Gate })[HTTP2_GATE]
}

function createGate(response: NodeResponse): Http1Gate | Http2Gate {
  const settlement = new Settlement()
  // Asked once: nothing is slower to find than what is not there.
  const http2 = isHttp2(response) ? response : undefined
  // An event that has passed does not come again. Http2ServerResponse has no `closed`, but lets go of its socket then.
  if (http2 === undefined ? (response as ServerResponse).closed : (http2.socket as unknown) === undefined) {
    settlement.close()
  } else {
    // The same function for all of them, and no `once`: that would make three objects for each response.
    response.on('close', closeSettlement)
  }
  if (http2 !== undefined) {
    const gate = new Http2Gate(http2, settlement)
    Object.defineProperty(http2, HTTP2_GATE, { value: gate })
    return gate
  }
  installHttp1Gate()
  const gate = new Http1Gate(response as ServerResponse, settlement)
  setHttp1Gate(response as ServerResponse, gate)
  return gate
}

function closeSettlement(this: NodeResponse): void {
  gateOf(this)?.settlement.close()
}

function isHttp2(response: NodeResponse): response is Http2ServerResponse {
  return 'stream' in response
}
