import { durationMs } from '../model/duration.ts'
import type { Created } from './application-host.ts'

/** Fits under the ten seconds of common container limits. */
const GRACE_MS = 8_000
/** PM2 kills after 1.6 s, unless it was told otherwise. */
const PM2_GRACE_MS = 1_200

/** How long stopping may take where neither the command line nor the application says. */
export function defaultGraceMs(env: NodeJS.ProcessEnv = process.env): number {
  return env['pm_id'] === undefined ? GRACE_MS : PM2_GRACE_MS
}

/** How long stopping may take: as the command line says, else the longest `grace` of the application's backgrounds. */
export function graceMs(ordered: number | undefined, created: readonly Created[]): number {
  const given = created.flatMap(({ given: { grace } }) => (grace === undefined ? [] : [durationMs(grace, 'grace')]))
  return ordered ?? (given.length === 0 ? defaultGraceMs() : Math.max(...given))
}
