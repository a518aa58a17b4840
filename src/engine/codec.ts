import { parse, stringify } from 'devalue'
import { AfterwordError } from '../model/errors.ts'
import type { StoredValue } from '../model/task.ts'
import { SizeFault, storableCopy, UnstorableFault } from './storable-copy.ts'
import type { StorableCopy } from './storable-copy.ts'

/*
 * Values on their way into the store and back. Format 0 is plain JSON: fast, and readable in any database shell.
 * Format 1 is devalue's tagged encoding, for what JSON would lose: Dates, bigints, Maps, Sets, URLs, regular
 * expressions, bytes, undefined, NaN, the infinities, -0 and holes in arrays. Neither ever holds code or class names.
 */

/** A `value` is one of `context.once`, of that name. */
type Encoded = { readonly what: 'input' | 'result' } | { readonly what: 'value'; readonly once: string }

/** What is being stored, for the messages and for the limit. */
export type EncodeOptions = Encoded & {
  /** The name of the task. */
  readonly name: string
  /** The most bytes of UTF-8 that the value may take, written out in full. */
  readonly bytesMax: number
}

/** A longer text is parsed again when it is needed: two forms of it in memory are worth more than the time. */
const FRESH_LENGTH_MAX = 4_096

/**
 * A plain value that this process has just written down, with the copy that it was written from. Nobody else holds that
 * copy, and JSON would give its like: the first one who reads it back gets it without parsing.
 */
class FreshValue implements StoredValue {
  readonly format = 0
  readonly text: string
  #copy: unknown

  constructor(text: string, copy: unknown) {
    this.text = text
    this.#copy = copy
  }

  take(): unknown {
    const copy = this.#copy
    this.#copy = undefined
    return copy === undefined ? parsePlain(this.text) : copy
  }
}

const UNDEFINED: StoredValue = Object.freeze({ format: 1, text: '-1' })

/**
 * Writes a value down as it is now; what happens to it later changes nothing.
 *
 * An object that occurs twice is stored twice. Objects without a prototype come back as ordinary ones.
 *
 * @throws TASK_INPUT_NOT_STORABLE, RESULT_NOT_STORABLE or ONCE_NOT_STORABLE with the path of the first thing that cannot be stored:
 *   functions, symbols, instances of classes, Promises, Errors, cycles, `__proto__` as a key, throwing getters, and
 *   objects nested deeper than 500 levels.
 * @throws TASK_INPUT_TOO_LARGE, RESULT_TOO_LARGE or ONCE_TOO_LARGE.
 */
export function encodeValue(value: unknown, options: EncodeOptions): StoredValue {
  return encode(value, options, false)
}

/** The same for a value that is likely to be read back once, here, and soon: {@link decodeOnce} may save the parsing. */
export function encodeFresh(value: unknown, options: EncodeOptions): StoredValue {
  return encode(value, options, true)
}

function encode(value: unknown, options: EncodeOptions, fresh: boolean): StoredValue {
  if (value === undefined) return UNDEFINED
  const copy = copyOf(value, options)
  const format = copy.plain && !isJsonPatched() ? 0 : 1
  const text = format === 0 ? JSON.stringify(copy.value) : stringify(copy.value, REDUCERS)
  // A UTF-16 unit takes at most three bytes of UTF-8.
  if (text.length * 3 > options.bytesMax) {
    const bytes = Buffer.byteLength(text)
    if (bytes > options.bytesMax) throw tooLarge(bytes, options)
  }
  return fresh && format === 0 && text.length <= FRESH_LENGTH_MAX ? new FreshValue(text, copy.value) : { format, text }
}

/**
 * Reads a value for the one who may do with it what he likes.
 *
 * @throws what `decodeValue` throws.
 */
export function decodeOnce(stored: StoredValue): unknown {
  return stored instanceof FreshValue ? stored.take() : decodeValue(stored)
}

/**
 * Reads a value back. Hostile text cannot reach any prototype: `__proto__` as a key is refused.
 *
 * @throws STORED_VALUE_UNREADABLE when the text is damaged, or of a format that this version does not know.
 */
export function decodeValue(stored: StoredValue): unknown {
  const { format, text } = stored
  try {
    if (format === 0) return parsePlain(text)
    if (format === 1) return parse(text, REVIVERS)
  } catch (cause) {
    throw new AfterwordError(
      'STORED_VALUE_UNREADABLE',
      { format, reason: cause instanceof Error ? cause.message : 'it cannot be parsed' },
      { cause },
    )
  }
  throw new AfterwordError('STORED_VALUE_UNREADABLE', { format, reason: 'this version does not know the format' })
}

function copyOf(value: unknown, options: EncodeOptions): StorableCopy {
  try {
    return storableCopy(value, options.what, options.bytesMax)
  } catch (fault) {
    if (fault instanceof SizeFault) throw tooLarge(fault.bytesAtLeast, options)
    if (!(fault instanceof UnstorableFault)) throw fault
    const cause = fault.cause === undefined ? undefined : { cause: fault.cause }
    const facts = { name: options.name, path: fault.path, got: fault.got }
    if (options.what === 'value') throw new AfterwordError('ONCE_NOT_STORABLE', { ...facts, once: options.once }, cause)
    throw new AfterwordError(options.what === 'input' ? 'TASK_INPUT_NOT_STORABLE' : 'RESULT_NOT_STORABLE', facts, cause)
  }
}

function tooLarge(bytes: number, options: EncodeOptions): AfterwordError {
  const { what, name, bytesMax } = options
  if (what === 'value') return new AfterwordError('ONCE_TOO_LARGE', { name, once: options.once, bytes, bytesMax })
  return new AfterwordError(what === 'input' ? 'TASK_INPUT_TOO_LARGE' : 'RESULT_TOO_LARGE', { name, bytes, bytesMax })
}

/** JSON.stringify asks every value for `toJSON`; a program that put one on a built-in prototype would change what is stored. */
function isJsonPatched(): boolean {
  return (
    'toJSON' in Array.prototype ||
    'toJSON' in String.prototype ||
    'toJSON' in Number.prototype ||
    'toJSON' in Boolean.prototype
  )
}

/** `__proto__`, or an escape that could spell it; our own text escapes only control characters and lone surrogates. */
const SUSPICIOUS = /__proto__|\\u00[5-7]/

function parsePlain(text: string): unknown {
  return SUSPICIOUS.test(text) ? JSON.parse(text, refuseProto) : JSON.parse(text)
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('it has "__proto__" as a key')
  return value
}

/** A Buffer is a Uint8Array to devalue; this keeps it a Buffer. */
const REDUCERS = {
  Buffer: (value: unknown) => Buffer.isBuffer(value) && new Uint8Array(value),
}

const REVIVERS = {
  Buffer(bytes: unknown): Buffer {
    if (bytes instanceof Uint8Array) return Buffer.from(bytes)
    throw new TypeError('its Buffer holds no bytes')
  },
}
