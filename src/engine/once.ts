import { AfterwordError } from '../model/errors.ts'
import { received } from '../model/received.ts'
import type { StoredValue } from '../model/task.ts'
import type { Keeping } from '../ports/keeping.ts'
import { decodeValue, encodeValue } from './codec.ts'

const NAME_LENGTH_MAX = 100
/** So many names a task may have: a later attempt reads all of their values. */
const NAMES_MAX = 1_000

interface Call {
  readonly compute: () => unknown
  readonly value: Promise<unknown>
}

/**
 * Behind `context.once` of one attempt. A value is given back as it was stored, by the attempt that computed it as well as by
 * later ones, and not before it is durable: so `run` goes the same way every time.
 *
 * Between the end of `compute` and the commit nobody else knows of the value: a crash there computes it again.
 */
export class Once {
  readonly #name: string
  readonly #keeping: Keeping
  readonly #calls = new Map<string, Call>()
  /** How many of them are new. */
  #computed = 0
  #kept: Promise<ReadonlyMap<string, StoredValue>> | undefined

  /** @param name  of the task. */
  constructor(name: string, keeping: Keeping) {
    this.#name = name
    this.#keeping = keeping
  }

  /**
   * What `compute` gave, in this attempt or in an earlier one. One name is one value: asked for it again with the same function
   * an attempt gets the same, also while it is being computed. With another function it is refused, for it would get what
   * the first has given.
   *
   * @throws never: rejects with ONCE_NAME_INVALID, ONCE_NAME_TAKEN, ONCE_TOO_MANY, ONCE_NOT_STORABLE, ONCE_TOO_LARGE,
   *   STORED_VALUE_UNREADABLE, what `Keeping` throws, and what `compute` throws.
   */
  async value(once: string, compute: () => unknown): Promise<unknown> {
    // What is not well formed would be another name when it is read back.
    if (typeof once !== 'string' || once.length === 0 || once.length > NAME_LENGTH_MAX || !once.isWellFormed()) {
      throw new AfterwordError('ONCE_NAME_INVALID', { name: this.#name, got: received(once), max: NAME_LENGTH_MAX })
    }
    const known = this.#calls.get(once)
    if (known?.compute === compute) return known.value
    if (known !== undefined) throw new AfterwordError('ONCE_NAME_TAKEN', { name: this.#name, once })
    const value = this.#find(once, compute)
    this.#calls.set(once, { compute, value })
    try {
      return await value
    } catch (error) {
      // It may be tried again, in this attempt too.
      this.#calls.delete(once)
      throw error
    }
  }

  async #find(once: string, compute: () => unknown): Promise<unknown> {
    const kept = await this.#earlier()
    const found = kept.get(once)
    if (found !== undefined) return decodeValue(found)
    if (kept.size + this.#computed >= NAMES_MAX) {
      throw new AfterwordError('ONCE_TOO_MANY', { name: this.#name, once, max: NAMES_MAX })
    }
    this.#computed++
    try {
      return decodeValue(await this.#compute(once, compute))
    } catch (error) {
      this.#computed--
      throw error
    }
  }

  async #compute(once: string, compute: () => unknown): Promise<StoredValue> {
    const { bytesMax } = this.#keeping
    this.#keeping.check(once)
    const stored = encodeValue(await compute(), { what: 'value', name: this.#name, once, bytesMax })
    // A session may have been opened meanwhile, or the attempt may be over.
    this.#keeping.check(once)
    await this.#keeping.keep(once, stored)
    return stored
  }

  /** Read once: nobody else keeps anything while this attempt has the claim. */
  async #earlier(): Promise<ReadonlyMap<string, StoredValue>> {
    this.#kept ??= this.#keeping.kept()
    try {
      return await this.#kept
    } catch (error) {
      this.#kept = undefined
      throw error
    }
  }
}
