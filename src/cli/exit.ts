/** Ends the process. The command line does it; the library never does. */
export function exit(code: number): void {
  // oxlint-disable-next-line unicorn/no-process-exit
  process.exit(code)
}
