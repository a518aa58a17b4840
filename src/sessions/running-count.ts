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
  readonly #open = new Set<Promise<unknown>>()

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
    return this.#open.size
  }

  /** Resolves when everything that was begun so far has its answer. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#open)
  }

  /** Shows again what was there before: the method of the prototype, or one of the object's own, as tracing leaves it. */
  release(): void {
    if (this.#before === undefined) delete this.#target[this.#name]
    else Reflect.defineProperty(this.#target, this.#name, this.#before)
  }

  #follow(answer: unknown): unknown {
    if (!(answer instanceof Promise)) return answer
    this.#open.add(answer)
    const over = (result: unknown): void => {
      this.#open.delete(answer)
      this.#answered(result)
    }
    answer.then(over, over)
    return answer
  }
}
