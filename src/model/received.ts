/** Strings longer than this are cut in messages. */
const TEXT_MAX = 60

/**
 * Says in a few words what was received, for error messages: `"abc"`, `NaN`, `a function`, `an instance of Socket`.
 * Never throws, whatever it is given; reads no property of the value but its prototype's constructor name.
 */
export function received(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return receivedText(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return receivedBigint(value)
    case 'symbol':
      return 'a symbol'
    case 'function':
      return 'a function'
    case 'object':
      return value === null ? 'null' : receivedObject(value)
    default:
      return String(value)
  }
}

function receivedText(text: string): string {
  if (text.length <= TEXT_MAX) return JSON.stringify(text)
  return `${JSON.stringify(text.slice(0, TEXT_MAX))}… (${text.length} characters)`
}

/** A bigint is written out only when it is short: its decimal form may have millions of digits. */
function receivedBigint(value: bigint): string {
  const short = value > -(10n ** 20n) && value < 10n ** 20n
  return short ? `${value}n` : 'a long bigint'
}

/** A hostile proxy or getter may throw at any question. */
function receivedObject(value: object): string {
  try {
    const name = classOf(value)
    if (name === 'Object') return 'an object'
    if (name === 'Array' && Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array'
    if (name === 'Date' && Number.isNaN((value as Date).getTime())) return 'an invalid Date'
    if (name === '') return 'an instance of a class without a name'
    const article = 'AEIO'.includes(name.slice(0, 1)) ? 'an' : 'a'
    return BUILT_IN.has(name) ? `${article} ${name}` : `an instance of ${name.slice(0, TEXT_MAX)}`
  } catch {
    return 'an object that cannot be inspected'
  }
}

function classOf(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null
  if (prototype === null) return 'Object'
  const name = prototype.constructor?.name
  return typeof name === 'string' ? name : ''
}

/** Names that everybody knows; a class of a program is called "an instance of" it. */
const BUILT_IN: ReadonlySet<string> = new Set([
  'Date',
  'RegExp',
  'Map',
  'Set',
  'WeakMap',
  'WeakSet',
  'WeakRef',
  'Promise',
  'URL',
  'URLSearchParams',
  'Error',
  'TypeError',
  'RangeError',
  'Buffer',
  'ArrayBuffer',
  'SharedArrayBuffer',
  'Uint8Array',
  'Number',
  'String',
  'Boolean',
])
