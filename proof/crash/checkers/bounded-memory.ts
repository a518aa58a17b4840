import type { Checker } from '../evidence.ts'

/** A server of this workload needs 150 MB; what the backlog adds is bounded by options, and this is far above it. */
const BYTES_MAX = 384 * 1024 ** 2

/** C7: the memory of each server stays bounded, whatever waits. */
export const boundedMemory: Checker = ({ lines }) => {
  const peaks = new Map<number, number>()
  for (const line of lines) {
    if (line.what === 'memory') peaks.set(line.server, Math.max(peaks.get(line.server) ?? 0, line.bytes))
  }
  return [...peaks]
    .filter(([, bytes]) => bytes > BYTES_MAX)
    .map(([server, bytes]) => ({
      kind: 'memory',
      says: `server ${server} grew to ${Math.round(bytes / 1024 ** 2)} MB, the bound is ${BYTES_MAX / 1024 ** 2} MB`,
    }))
}
