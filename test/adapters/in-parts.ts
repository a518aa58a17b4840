/** Two parts of a body, with something that has to happen between them. */
export async function* inParts(first: string, between: () => Promise<unknown>, second: string): AsyncGenerator<string> {
  yield first
  await between()
  yield second
}
