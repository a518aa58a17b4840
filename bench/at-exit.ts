/**
 * What must not outlive a benchmark that is stopped half-way: processes, some of which are held and could not end by
 * themselves, a server, files.
 */
const tidies = new Set<() => void>()

process.on('exit', () => {
  for (const tidy of tidies) tidy()
})

/** Calls `tidy` when the process exits, however early, until the returned function says that it is done. */
export function atExit(tidy: () => void): () => void {
  tidies.add(tidy)
  return () => void tidies.delete(tidy)
}

/** Lets the signals that stop a command run what was registered. */
export function exitOnSignals(): void {
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
}
