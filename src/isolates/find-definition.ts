import { asError } from '../model/as-error.ts'
import type { AnyTaskDefinition } from '../model/definition.ts'
import { AfterwordError } from '../model/errors.ts'
import { becomeIsolate } from '../model/task-isolate.ts'
import { systemClock } from '../ports/system.ts'
import { firstLine } from './crossing-error.ts'
import type { Address } from './messages.ts'

const notes = becomeIsolate()
const loaded = new Set<string>()
const found = new Map<string, AnyTaskDefinition>()

/** The definition that an address means, once its module was imported. Here and not yet looked up: undefined. */
export function knownDefinition({ name, url }: Address): AnyTaskDefinition | undefined {
  return found.get(`${name} ${url}`)
}

/**
 * Imports the module and looks the definition up by its name, exported or not.
 *
 * @throws TASK_MODULE_FAILED, TASK_MODULE_SERVES, TASK_NOT_IN_MODULE, TASK_AMBIGUOUS.
 */
export async function findDefinition(address: Address): Promise<AnyTaskDefinition> {
  const known = knownDefinition(address)
  if (known !== undefined) return known
  await load(address)
  const definition = pick(address)
  found.set(`${address.name} ${address.url}`, definition)
  return definition
}

async function load({ name, kind, url }: Address): Promise<void> {
  if (loaded.has(url)) return
  const failed = (cause: unknown): AfterwordError =>
    new AfterwordError(
      'TASK_MODULE_FAILED',
      { name, isolate: kind, module: url, reason: firstLine(asError(cause)) },
      { cause },
    )
  notes.refusal = undefined
  try {
    await import(url)
  } catch (cause) {
    throw failed(cause)
  }
  // What the module has begun and does not wait for gets its turn: it may fail, and end the isolate, or listen.
  await new Promise<void>((resolve) => systemClock.soon(resolve))
  if (notes.refusal !== undefined) throw failed(notes.refusal)
  // An isolate that listens takes connections from the process, or holds a port that nobody knows of.
  if (process.getActiveResourcesInfo().includes('TCPServerWrap')) {
    throw new AfterwordError('TASK_MODULE_SERVES', { name, isolate: kind, module: url })
  }
  loaded.add(url)
}

/** Those of that module; where the module was named by hand, its definitions may lie in another file that it imports. */
function pick({ name, kind, url, isGiven }: Address): AnyTaskDefinition {
  const named = notes.definitions.filter((definition) => definition.name === name)
  const there = named.filter(({ isolation }) => isolation?.url === url)
  const candidates = there.length === 0 && isGiven ? named : there
  const [first, ...others] = candidates
  if (first === undefined) {
    const names = notes.definitions
      .filter(({ isolation }) => isolation?.url === url)
      .map((definition) => definition.name)
    throw new AfterwordError('TASK_NOT_IN_MODULE', {
      name,
      isolate: kind,
      module: url,
      found: names.join(', ') || 'none',
    })
  }
  if (others.length > 0) {
    throw new AfterwordError('TASK_AMBIGUOUS', { name, isolate: kind, module: url, times: candidates.length })
  }
  return first
}
