import { COUNTED } from './count-statements.ts'
import type { Usage } from './slice.ts'

/** CPU time of this process since it started, in microseconds. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** What this process has used so far. Garbage is collected first where that can be asked for: where memory is measured. */
export function usage(): Usage {
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  return { cpuMicros: cpuMicros(), ...COUNTED, rssBytes: rss, heapBytes: heapUsed }
}
