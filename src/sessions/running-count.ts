type AsyncMethod = (...args: never[]) => unknown

/**
 * Counts what a method of an object has begun and not answered, as long as the session lasts: `release` makes it what it was.
 * Calls that give no promise (callbacks, streams) are not counted.
 */
export class RunningCount<Name extends string> {
  readonly #target: Partial<Record<Name, AsyncMethod>>
  readonly #name: Name
  #count = 0

  constructor(target: Partial<Record<Name, AsyncMethod>>, name: Name) {
    this.#target = target
    this.#name = name
    const of = target[name]!
    const counted: AsyncMethod = (...args) => this.#follow(of.apply(target, args))
    target[name] = counted
  }

  get count(): number {
    return this.#count
  }

  /** Shows the method of the prototype again. */
  release(): void {
    delete this.#target[this.#name]
  }

  #follow(answer: unknown): unknown {
    if (!(answer instanceof Promise)) return answer
    this.#count++
    const over = (): void => void this.#count--
    answer.then(over, over)
    return answer
  }
}
