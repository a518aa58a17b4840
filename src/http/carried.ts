/** What a response carries for one background: the response of a request that several look after carries several. */
export interface Carried {
  readonly owner: { readonly draining: boolean }
  /** What the same response carries for another one. */
  readonly next: Carried | undefined
}

/**
 * One property for all that we know of a response: each one costs every request. The version is part of the name, for
 * copies of the library that differ in it look after their responses independently.
 */
const CARRIED = Symbol.for('afterword.carried.1')

interface Carrier {
  [CARRIED]?: Carried | undefined
}

/** All that a response carries, the latest first. */
export function carriedBy(response: object): Carried | undefined {
  return (response as Carrier)[CARRIED]
}

/** Puts something on a response; its `next` must be what the response carried before. */
export function carry(response: object, carried: Carried): void {
  ;(response as Carrier)[CARRIED] = carried
}
