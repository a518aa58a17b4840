import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { getCallSites } from 'node:util'

/** How far up the caller of `defineTask` stands: this function, `defineTask`, its caller. */
const DEPTH = 3

/**
 * The module that called the function that calls this. Undefined when no thread could import it.
 *
 * Source maps are left out of it: a thread has to import the file that runs, not the one that it was made from.
 */
export function definingModule(): string | undefined {
  const script = getCallSites(DEPTH, { sourceMap: false })[DEPTH - 1]?.scriptName ?? ''
  if (isAbsolute(script)) return pathToFileURL(script).href
  // A module given to `node --eval` has a file URL too, of a file that does not exist.
  return /^(?:file|data):/.test(script) && !/\/\[eval\d*\]$/.test(script) ? script : undefined
}
