import { types } from 'node:util'
import { received } from '../model/received.ts'
import { formatPath } from '../model/value-path.ts'
import type { PathStep } from '../model/value-path.ts'

/*
 * One walk over a value on its way into the store. It copies: each property is read exactly once, so that what is
 * checked is what is written, whatever getters and proxies do, and nothing that happens to the original afterwards
 * matters. (Refusing getters instead would cost more: asking for property descriptors takes three times as long as
 * JSON.stringify, copying 0.7 times.) On the way it finds out whether plain JSON can hold the copy, and stops at the
 * first thing that no store can hold. Paths are only written out when there is something to report.
 *
 * A value is kept as a tree: an object that occurs twice is written twice. Only enumerable own properties count, and
 * of an array only its elements, as in JSON.
 */

/** Objects inside objects, at most. */
export const DEPTH_MAX = 500

/** Found by {@link storableCopy}: something that no store can hold. */
export class UnstorableFault extends Error {
  readonly path: string
  /** Completes "path is …". */
  readonly got: string

  constructor(path: string, got: string, cause?: unknown) {
    super(`${path} is ${got}`, { cause })
    this.path = path
    this.got = got
  }
}

/** Found by {@link storableCopy}: more bytes than allowed; `bytesAtLeast` were seen until then. */
export class SizeFault extends Error {
  readonly bytesAtLeast: number

  constructor(bytesAtLeast: number) {
    super(`${bytesAtLeast} bytes or more`)
    this.bytesAtLeast = bytesAtLeast
  }
}

/** A copy that nobody else holds. `plain`: JSON keeps all of it. */
export interface StorableCopy {
  readonly value: unknown
  readonly plain: boolean
}

/**
 * Copies a value for the store.
 *
 * @param root  what paths begin with: `input`.
 * @param bytesMax  where to stop. What is counted is a lower bound of the text to come, so the text must be measured too.
 * @throws UnstorableFault, SizeFault.
 */
export function storableCopy(value: unknown, root: string, bytesMax: number): StorableCopy {
  // Taken away meanwhile: a getter of the value may lead here again. One that threw is not put back.
  const copier = idle ?? new Copier()
  idle = undefined
  copier.begin(root, bytesMax)
  const copy = copier.copy(value, '')
  idle = copier
  return { value: copy, plain: copier.plain }
}

class Copier {
  plain = true
  #root = ''
  #bytesMax = 0
  #bytesLeft = 0
  #polluted = false
  #depth = 0
  /** The objects around the current place, outermost first, and the steps that led into them; `#trail[0]` is unused. */
  readonly #around: (object | undefined)[] = []
  readonly #trail: PathStep[] = []

  begin(root: string, bytesMax: number): void {
    this.plain = true
    this.#root = root
    this.#bytesMax = bytesMax
    this.#bytesLeft = bytesMax
    this.#polluted = hasEnumerable(Object.prototype)
  }

  copy(value: unknown, step: PathStep): unknown {
    if (typeof value === 'object' && value !== null) return this.#enter(value, step)
    this.#count(this.#leaf(value, step))
    return value
  }

  /** Returns how many bytes it takes at least. */
  #leaf(value: unknown, step: PathStep): number {
    if (typeof value === 'string') return value.length + 2
    if (typeof value === 'number') {
      if (value - value !== 0 || Object.is(value, -0)) this.plain = false // NaN, an infinity, or -0.
      return 1
    }
    if (typeof value === 'boolean' || value === null) return 4
    if (typeof value === 'function' || typeof value === 'symbol') throw this.#fault(step, received(value))
    this.plain = false // Undefined or a bigint.
    return 1
  }

  #enter(value: object, step: PathStep): unknown {
    const depth = this.#depth
    for (let level = 0; level < depth; level++) {
      if (this.#around[level] === value) throw this.#fault(step, `a cycle back to ${this.#path(level)}`)
    }
    if (depth === DEPTH_MAX) throw this.#fault(step, `nested deeper than ${DEPTH_MAX} levels`)
    this.#around[depth] = value
    this.#trail[depth] = step
    this.#depth = depth + 1
    this.#count(1)
    const copy = this.#container(value)
    this.#depth = depth
    // This copier outlives the value, and must not hold anything of it.
    this.#around[depth] = undefined
    this.#trail[depth] = ''
    return copy
  }

  #container(value: object): unknown {
    try {
      const prototype: unknown = Object.getPrototypeOf(value)
      if (prototype === Object.prototype || prototype === null) return this.#object(value as Record<string, unknown>)
      if (Array.isArray(value) && (prototype === Array.prototype || levelsAbove(value) === 2)) return this.#array(value)
      return this.#unusual(value)
    } catch (error) {
      throw error instanceof UnstorableFault || error instanceof SizeFault ? error : this.#unreadable(value, error)
    }
  }

  #object(value: Record<string, unknown>): Record<string, unknown> {
    const copy = { ...value } // Reads everything once; from here on nothing of the user's is asked.
    if (hasSymbolKey(copy)) throw this.#here('an object with a symbol as a key')
    let bytes = 0
    for (const key in copy) {
      if (this.#polluted && !Object.hasOwn(copy, key)) continue
      if (key === '__proto__') throw this.#here('an object with "__proto__" as a key')
      const property = copy[key]
      bytes += key.length + 4 // Quotes, colon, and a comma or brace.
      if (typeof property === 'object' && property !== null) copy[key] = this.#enter(property, key)
      else bytes += this.#leaf(property, key)
    }
    this.#count(bytes)
    return copy
  }

  #array(value: readonly unknown[]): unknown[] {
    this.#count(value.length) // Commas; before the copy, so that a huge sparse array is refused and not walked.
    const copy: unknown[] = [...value]
    let bytes = 0
    for (let index = 0; index < copy.length; index++) {
      const element = copy[index]
      if (typeof element === 'object' && element !== null) copy[index] = this.#enter(element, index)
      else if (element === undefined && !Object.hasOwn(value, index)) this.#hole(copy, index)
      else bytes += this.#leaf(element, index)
    }
    this.#count(bytes)
    return copy
  }

  #hole(copy: unknown[], index: number): void {
    this.plain = false
    Reflect.deleteProperty(copy, index)
  }

  /** Everything but ordinary objects and arrays; also ordinary objects of another realm, such as a `node:vm` context. */
  #unusual(value: object): unknown {
    const levels = levelsAbove(value)
    if (levels === 1 && Object.hasOwn(Object.getPrototypeOf(value) as object, 'isPrototypeOf')) {
      return this.#object(value as Record<string, unknown>)
    }
    this.plain = false
    if (types.isTypedArray(value) && levels === (Buffer.isBuffer(value) ? 4 : 3)) return this.#typedArray(value)
    // A subclass has a level more: it would come back as its base class, so it is refused.
    if (levels !== 2) throw this.#here(unfit(value))
    if (types.isDate(value)) return new Date(Date.prototype.getTime.call(value))
    if (types.isMap(value)) return this.#map(value)
    if (types.isSet(value)) return this.#set(value)
    if (types.isRegExp(value)) return new RegExp(value)
    if (types.isArrayBuffer(value)) return this.#bytes(value, 0, value.byteLength)
    if (types.isDataView(value)) return new DataView(this.#bytes(value.buffer, value.byteOffset, value.byteLength))
    if (value instanceof URL) return new URL(this.#text(URL.prototype.toString.call(value)))
    if (value instanceof URLSearchParams) {
      return new URLSearchParams(this.#text(URLSearchParams.prototype.toString.call(value)))
    }
    throw this.#here(unfit(value))
  }

  #map(value: Map<unknown, unknown>): Map<unknown, unknown> {
    const copy = new Map<unknown, unknown>()
    let at = 0
    Map.prototype.forEach.call(value, (member: unknown, key: unknown) => {
      copy.set(this.copy(key, { entry: 'key', at: at++ }), this.copy(member, { entry: 'value of', at: key }))
    })
    return copy
  }

  #set(value: Set<unknown>): Set<unknown> {
    const copy = new Set<unknown>()
    let at = 0
    Set.prototype.forEach.call(value, (member: unknown) => {
      copy.add(this.copy(member, { entry: 'member', at: at++ }))
    })
    return copy
  }

  /** Only the bytes that the view shows: what else lies in its buffer is nobody's business. */
  #typedArray(value: NodeJS.TypedArray): NodeJS.TypedArray {
    const bytes = this.#bytes(value.buffer, value.byteOffset, value.byteLength)
    if (Buffer.isBuffer(value)) return Buffer.from(bytes)
    const kind = value[Symbol.toStringTag]
    const constructors = globalThis as unknown as Record<typeof kind, new (buffer: ArrayBuffer) => NodeJS.TypedArray>
    return new constructors[kind](bytes)
  }

  #bytes(buffer: ArrayBufferLike, offset: number, length: number): ArrayBuffer {
    this.#count(length)
    return new Uint8Array(buffer, offset, length).slice().buffer
  }

  #text(text: string): string {
    this.#count(text.length)
    return text
  }

  #count(bytes: number): void {
    this.#bytesLeft -= bytes
    if (this.#bytesLeft < 0) throw new SizeFault(this.#bytesMax - this.#bytesLeft)
  }

  /** The path of the object at a level. */
  #path(level: number): string {
    return formatPath(this.#root, this.#trail.slice(1, level + 1))
  }

  /** Something is wrong with the current object itself. */
  #here(got: string): UnstorableFault {
    return new UnstorableFault(this.#path(this.#depth - 1), got)
  }

  /** Something is wrong with what lies one step inside the current object. */
  #fault(step: PathStep, got: string, cause?: unknown): UnstorableFault {
    const steps = this.#depth === 0 ? [] : [...this.#trail.slice(1, this.#depth), step]
    return new UnstorableFault(formatPath(this.#root, steps), got, cause)
  }

  /** The current object threw while it was read: names the property that does. */
  #unreadable(value: object, cause: unknown): UnstorableFault {
    try {
      for (const key of Object.keys(value)) {
        if (throws(() => (value as Record<string, unknown>)[key])) {
          return this.#fault(key, 'a getter that throws', cause)
        }
      }
    } catch {
      // A proxy that does not even list its keys.
    }
    return new UnstorableFault(this.#path(this.#depth - 1), 'an object that cannot be read', cause)
  }
}

/** The copier that the next value gets: the arrays in it are worth more than all else that a small value costs. */
let idle: Copier | undefined

/** How many prototypes an object has above it: 1 for an ordinary object, 2 for an array or a Date. */
function levelsAbove(value: object): number {
  let levels = 0
  for (let above: unknown = Object.getPrototypeOf(value); above !== null; above = Object.getPrototypeOf(above)) levels++
  return levels
}

function unfit(value: object): string {
  const got = received(value)
  return got === 'an object' ? 'an object with a prototype of its own' : got
}

function throws(read: () => unknown): boolean {
  try {
    read()
    return false
  } catch {
    return true
  }
}

/** Of a copy, which has only what is enumerable. */
function hasSymbolKey(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0
}

/** True when somebody put enumerable properties on a prototype: `for … in` would list them in every object. */
function hasEnumerable(prototype: object): boolean {
  for (const _ in prototype) return true
  return false
}
