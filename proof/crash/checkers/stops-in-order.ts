import type { Checker, Evidence, Violation } from '../evidence.ts'

/**
 * A server that is asked to stop ends with code 0 and leaves nothing behind for others to rescue; no server ends unasked,
 * but for one that finds the disk full when it starts.
 */
export const stopsInOrder: Checker = (evidence) => {
  const violations: Violation[] = []
  const asked = new Set<number>()
  const inOrder = new Set<number>()
  const refused = metAFullDisk(evidence)
  for (const line of evidence.lines) {
    if (line.what === 'term') asked.add(line.server!)
    if (line.what === 'exit') {
      const { server, code, signal } = line
      if (asked.has(server) && code === 0) inOrder.add(server)
      else if (asked.has(server) && !evidence.hasFailed(server)) {
        violations.push({ kind: 'stop', says: `server ${server} was asked to stop and ended with ${code ?? signal}` })
      } else if (!line.awaited && !refused.has(server)) {
        violations.push({ kind: 'stop', says: `server ${server} ended by itself, with ${code ?? signal}` })
      }
    }
    if (line.what === 'rescued' && line.requeued.length > 0) {
      const [server, another] = evidence.serversOf(line.worker)
      if (server === undefined || another !== undefined || !inOrder.has(server) || evidence.hasFailed(server)) continue
      violations.push({
        kind: 'stop',
        id: line.requeued[0]!,
        says: `server ${server} had stopped in order and left ${line.requeued.length} claims to be rescued`,
      })
    }
  }
  return violations
}

/** Servers that found the disk full before they had registered. */
function metAFullDisk({ lines }: Evidence): ReadonlySet<number> {
  const starting = new Set<number>()
  const met = new Set<number>()
  let isFull = false
  for (const line of lines) {
    if (line.what === 'fill') isFull = true
    if (line.what === 'free') isFull = false
    if (line.what === 'started') starting.add(line.server)
    if (line.what === 'registered') starting.delete(line.server)
    if (isFull) for (const server of starting) met.add(server)
  }
  return met
}
