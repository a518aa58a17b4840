import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CallSiteObject, getCallSites } from 'node:util'

/** As many frames as may lie between the blocking one and the code that the user knows. */
const FRAMES = 60

/** The library's own files, built or as sources. */
const OWN = fileURLToPath(new URL('..', import.meta.url))

/** Where JavaScript is running. */
export interface Place {
  /** `file:line:column`, the file relative to the working directory where it lies below it. */
  readonly place: string
  /** The function there; empty when it has no name. */
  readonly function: string
}

/** What is running at this moment, the innermost first. Cheap to take: names are looked up when they are read. */
export function callSites(): readonly CallSiteObject[] {
  return getCallSites(FRAMES, { sourceMap: process.sourceMapsEnabled })
}

/** The innermost frame in code of the application; in a package where none is there; undefined when there is neither. */
export function placeOf(sites: readonly CallSiteObject[]): Place | undefined {
  const foreign = sites.map((site) => ({ site, path: pathOf(site.scriptName) })).filter(({ path }) => isForeign(path))
  const found = foreign.find(({ path }) => !path.includes(`${sep}node_modules${sep}`)) ?? foreign[0]
  if (found === undefined) return undefined
  const { functionName, lineNumber, columnNumber } = found.site
  const below = relative(process.cwd(), found.path)
  const file = below.startsWith('..') ? found.path : below
  return { place: `${file}:${lineNumber}:${columnNumber}`, function: functionName }
}

function isForeign(path: string): boolean {
  return path !== '' && !path.startsWith('node:') && !path.startsWith(OWN)
}

function pathOf(scriptName: string): string {
  return scriptName.startsWith('file:') ? fileURLToPath(scriptName) : scriptName
}
