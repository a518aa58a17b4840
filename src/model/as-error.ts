/** What was thrown, as an Error: anything may be thrown, but those who pass it on may rely on one type. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
}
