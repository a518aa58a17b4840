/* oxlint-disable no-underscore-dangle -- the names are Node's */
import { STATUS_CODES, type ServerResponse } from 'node:http'
import { staysOnRefusal, type Refusal } from './refusal.ts'

/**
 * What Node keeps of a head between `writeHead` and the first byte. `writeHead` only composes it; it leaves with the
 * first `write`, `end` or `flushHeaders`. None of it is documented, all of it is read by widely used middleware
 * (`on-headers`, `compression`, `finalhandler`), and none of it has changed from Node 12 to 26. Where it is not as
 * expected the gate closes the connection instead of sending something wrong.
 */
interface Composed {
  _header: string | null
  _headerSent: boolean
  _contentLength: number | null
  _hasBody: boolean
  _last: boolean
  _trailer: string
  chunkedEncoding: boolean
}

/** Whether the head is on its way to the client, so that nothing can be waited for any more. */
export function headHasLeft(response: ServerResponse): boolean {
  // From Node 26 on a first part may lie in the response itself until the end of the turn, and the head with it.
  const ownBytes = response.writableLength - (response.socket?.writableLength ?? 0)
  return response.headersSent && (composed(response)._headerSent || ownBytes > 0)
}

/**
 * Composes the head that Node would compose within the call that comes next. It goes through `response.writeHead`, so
 * that middleware which listens there (sessions, compression, CORS) has set its headers and its status before the
 * status is looked at.
 *
 * @param bodyBytes  the length of the whole body when the call is `end`: it becomes the content-length, as in Node.
 * @throws what `writeHead` throws: an invalid status or header is the caller's mistake and shows where it was made.
 */
export function composeHead(response: ServerResponse, bodyBytes: number | undefined): void {
  if (bodyBytes !== undefined) composed(response)._contentLength = bodyBytes
  response.writeHead(response.statusCode)
}

/** The status in the composed head; `response.statusCode` may have been changed after it was composed. */
export function composedStatus(response: ServerResponse): number {
  const status = Number(composed(response)._header?.slice(9, 12))
  return status >= 100 ? status : response.statusCode
}

/**
 * Puts the head of a refusal in the place of a composed head that has not left. The lines about the connection stay
 * as Node composed them, so that they agree with what Node is about to do with it.
 *
 * @returns the body to send, empty for a HEAD request; undefined when this head cannot be replaced: then nothing may
 *   be sent at all.
 */
export function replaceHead(response: ServerResponse, refusal: Refusal): string | undefined {
  const parts = composed(response)
  if (typeof parts._header !== 'string' || parts._headerSent) return undefined
  const kept = parts._header.split('\r\n').filter((line) => staysOnRefusal(line.slice(0, line.indexOf(':'))))
  if (kept.some((line) => /^connection:.*upgrade/i.test(line))) return undefined
  const reason = STATUS_CODES[refusal.status] ?? 'Error'
  const own = { ...refusal.headers, 'content-length': String(Buffer.byteLength(refusal.body)) }
  const lines = [`HTTP/1.1 ${refusal.status} ${reason}`, ...kept]
  for (const [name, value] of Object.entries(own)) lines.push(`${name}: ${value}`)
  parts._header = `${lines.join('\r\n')}\r\n\r\n`
  parts._contentLength = Buffer.byteLength(refusal.body)
  parts._hasBody = response.req.method !== 'HEAD'
  parts._trailer = ''
  parts.chunkedEncoding = false
  // Loggers read them when the response has finished.
  response.statusCode = refusal.status
  response.statusMessage = reason
  return parts._hasBody ? refusal.body : ''
}

function composed(response: ServerResponse): Composed {
  return response as unknown as Composed
}
