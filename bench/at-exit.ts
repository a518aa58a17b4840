/**
 * What must not outlive a benchmark that is stopped half-way: processes, some of which are held and could not end by
 * themselves, a server, files.
 */
const tidies = new Set<() => void>()

process.on('exit', () => {
  // What came last goes first: a folder can only be removed when nobody writes into it any more.
  for (const tidy of [...tidies].toReversed()) {
    try {
      tidy()
    } catch (error) {
      console.error(`bench: something was left behind: ${(error as Error).message}`)
    }
  }
})

/** Calls `tidy` when the process exits, however early, until the returned function says that it is done. */
export function atExit(tidy: () => void): () => void {
  tidies.add(tidy)
  return () => void tidies.delete(tidy)
}

/** Lets the signals that stop a command run what was registered. */
export function exitOnSignals(): void {
  process.on('SIGINT', () => process.exit(130))
  process.on('SIGTERM', () => process.exit(143))
}
