/** One of the processes that run seeds: takes errands from its parent, one after another, and ends with it. */
import type { Errand } from './pool.ts'
import { runSeed } from './simulation.ts'

// Errors are made by the thousand here, and nobody looks at their stacks.
Error.stackTraceLimit = 0

process.on('message', ({ seed, lite, verbose }: Errand) => {
  const options = verbose ? { lite, echo: (line: string) => console.log(line) } : { lite }
  void runSeed(seed, options).then((report) => process.send?.(report))
})
