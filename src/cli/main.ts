#!/usr/bin/env node
/** The command `afterword`. */
import { isAfterwordError } from '../index.ts'
import { systemClock } from '../ports/system.ts'
import { readCommand } from './command.ts'
import { exit } from './exit.ts'
import { leaveFirstPlace } from './init.ts'
import { start } from './start.ts'
import { StatusLines } from './status-lines.ts'
import { workAlone } from './worker-alone.ts'

try {
  const asked = readCommand(process.argv.slice(2))
  if (asked !== undefined) {
    const lines = new StatusLines(systemClock, asked.settings.json)
    leaveFirstPlace(lines)
    if (asked.command === 'start') await start(asked.settings, lines)
    else workAlone(asked.settings, lines)
  }
} catch (error) {
  if (!isAfterwordError(error)) throw error
  process.stderr.write(`afterword: ${error.message}\n`)
  exit(1)
}
