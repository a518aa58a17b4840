/** What a suite of ours asks of a test runner: those of Node, Vitest and Jest have it. */
export interface TestRunner {
  describe(title: string, body: () => void): unknown
  readonly test: {
    (title: string, body: () => Promise<void>): unknown
    skip(title: string, body: () => Promise<void>): unknown
  }
}
