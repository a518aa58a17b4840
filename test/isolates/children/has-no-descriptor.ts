/** A program that has opened as many files as it may, and then needs a child process: prints the codes of the error. */
import { openSync } from 'node:fs'
import { createBackground } from '../../../src/background.ts'
import type { AfterwordError } from '../../../src/model/errors.ts'
import { inProcess } from './isolated-tasks.ts'

const background = createBackground({ store: 'memory:', tasks: [inProcess.where] })
try {
  for (;;) openSync('/dev/null', 'r')
} catch {
  // There are no more.
}
try {
  await background.start()
} catch (error) {
  const { code, cause } = error as AfterwordError
  process.stdout.write(`${code} ${(cause as NodeJS.ErrnoException).code}`)
}
