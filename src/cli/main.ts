#!/usr/bin/env node
/** The command `afterword`. */
import { isAfterwordError } from '../index.ts'
import { systemClock } from '../ports/system.ts'
import { readCommand } from './command.ts'
import { exit } from './exit.ts'
import { start } from './start.ts'
import { StatusLines } from './status-lines.ts'
import { workAlone } from './worker-alone.ts'

try {
  const asked = readCommand(process.argv.slice(2))
  if (asked?.command === 'worker') {
    const { args, json, process: settings } = asked.settings
    process.argv.splice(2, Infinity, ...args)
    workAlone(settings, new StatusLines(systemClock, json))
  } else if (asked !== undefined) await start(asked.settings)
} catch (error) {
  if (!isAfterwordError(error)) throw error
  process.stderr.write(`afterword: ${error.message}\n`)
  exit(1)
}
