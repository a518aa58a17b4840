type AsyncMethod = (...args: never[]) => unknown

/**
 * Counts what a method of an object has begun and not answered, as long as the session lasts: `release` makes it what it was.
 * Calls that give no promise (callbacks, streams) are not counted.
 */
export class RunningCount<Name extends string> {
  readonly #target: Partial<Record<Name, AsyncMethod>>
  readonly #name: Name
  readonly #before: PropertyDescriptor | undefined
  readonly #answered: (answer: unknown) => void
  #count = 0

  /** @param answered  is told each answer, and each error. */
  constructor(target: Partial<Record<Name, AsyncMethod>>, name: Name, answered: (answer: unknown) => void = () => {}) {
    this.#target = target
    this.#name = name
    this.#answered = answered
    this.#before = Reflect.getOwnPropertyDescriptor(target, name)
    const of = target[name]!
    const counted: AsyncMethod = (...args) => this.#follow(of.apply(target, args))
    target[name] = counted
  }

  get count(): number {
    return this.#count
  }

  /** Shows again what was there before: the method of the prototype, or one of the object's own, as tracing leaves it. */
  release(): void {
    if (this.#before === undefined) delete this.#target[this.#name]
    else Reflect.defineProperty(this.#target, this.#name, this.#before)
  }

  #follow(answer: unknown): unknown {
    if (!(answer instanceof Promise)) return answer
    this.#count++
    const over = (answer: unknown): void => {
      this.#count--
      this.#answered(answer)
    }
    answer.then(over, over)
    return answer
  }
}
