/** What can be in a {@link Bag}. */
export interface Placed {
  /** Where it stands in its bag; -1 outside of one. */
  place: number
}

/**
 * A set in no order, whose members know their place: the last one takes the place of one that leaves. Cheaper than a Set
 * for what comes and goes with every request, and nothing is ever looked up in it by anything else.
 */
export class Bag<T extends Placed> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  add(member: T): void {
    member.place = this.#members.push(member) - 1
  }

  /** False when it was not in here. */
  delete(member: T): boolean {
    const { place } = member
    if (place < 0) return false
    const last = this.#members.pop()!
    if (last !== member) {
      this.#members[place] = last
      last.place = place
    }
    member.place = -1
    return true
  }

  find(is: (member: T) => boolean): T | undefined {
    return this.#members.find(is)
  }

  /** A copy: members may leave while somebody goes through it. */
  values(): T[] {
    return [...this.#members]
  }
}
