/** A function of a response or a stream, whatever it takes. */
export type AnyFunction = (...args: unknown[]) => unknown

/** A call that waits for the commit: it is made later with the very same arguments. */
export interface HeldCall {
  readonly name: string
  readonly original: AnyFunction
  readonly args: unknown[]
}

/** The callback among the arguments of `write` or `end`, which take it last. */
export function callbackOf(args: readonly unknown[]): (() => void) | undefined {
  return args.findLast((argument) => typeof argument === 'function') as (() => void) | undefined
}

/**
 * Calls the callback of a call that is not made any more: its caller waits for nothing but to go on. Later, as Node
 * would: no stream calls back before its call returned.
 */
export function callBackLater(args: readonly unknown[]): void {
  const callback = callbackOf(args)
  if (callback !== undefined) process.nextTick(callback)
}

/** What `write` and `end` take as a chunk; for anything else Node throws before it sends a byte. */
export function isChunk(value: unknown): value is string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array
}
