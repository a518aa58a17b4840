import { AfterwordError } from './model/errors.ts'

const NEEDED = '24.15.0'

/**
 * Refuses a Node whose bundled SQLite may corrupt a file that two processes use (the WAL-reset bug, fixed in 3.51.3),
 * or that prints warnings for it.
 *
 * @throws RUNTIME_TOO_OLD.
 */
export function checkRuntime(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > 25 || (major === 24 && minor >= 15) || (major === 25 && minor >= 9)) return
  const reason = 'older releases bundle an SQLite that can damage a file which two processes use'
  throw new AfterwordError('RUNTIME_TOO_OLD', { version, needed: `${NEEDED} or later (25 from 25.9)`, reason })
}
