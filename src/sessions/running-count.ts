type AsyncMethod = (...args: never[]) => unknown

/**
 * Counts what a method of an object has begun and not answered, as long as the session lasts: `release` makes it what it was.
 * Calls that give no promise (callbacks, streams) are not counted.
 */
export class RunningCount<Name extends string> {
  readonly #target: Partial<Record<Name, AsyncMethod>>
  readonly #name: Name
  readonly #before: PropertyDescriptor | undefined
  #count = 0
  #last: unknown

  constructor(target: Partial<Record<Name, AsyncMethod>>, name: Name) {
    this.#target = target
    this.#name = name
    this.#before = Reflect.getOwnPropertyDescriptor(target, name)
    const of = target[name]!
    const counted: AsyncMethod = (...args) => this.#follow(of.apply(target, args))
    target[name] = counted
  }

  get count(): number {
    return this.#count
  }

  /** What it answered last, an answer or an error; undefined before the first. */
  get last(): unknown {
    return this.#last
  }

  /** Shows again what was there before: the method of the prototype, or one of the object's own, as tracing leaves it. */
  release(): void {
    if (this.#before === undefined) delete this.#target[this.#name]
    else Reflect.defineProperty(this.#target, this.#name, this.#before)
  }

  #follow(answer: unknown): unknown {
    if (!(answer instanceof Promise)) return answer
    this.#count++
    const over = (result: unknown): void => {
      this.#count--
      this.#last = result
    }
    answer.then(over, over)
    return answer
  }
}
