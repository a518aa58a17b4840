import { existsSync } from 'node:fs'
import type { StatusLines } from './status-lines.ts'

const SHELL = '/bin/sh'

/**
 * A shell that starts the command again, passes signals on, and waits. Waiting collects every process that ended, also those
 * that lost their parent, which Node does not do. The command reads what the shell would have read.
 */
const SCRIPT = `
exec 3<&0
"$@" <&3 3<&- &
child=$!
exec 3<&-
trap 'kill -TERM $child' TERM
trap 'kill -INT $child' INT
trap 'kill -HUP $child' HUP
code=0
while :; do
  wait $child
  code=$?
  kill -0 $child 2>/dev/null || exit $code
done
`

/**
 * The first process of a container inherits every process that lost its parent, and has to collect it when it has ended. Where this is
 * the first one, a shell takes its place and starts it once more below.
 */
export function leaveFirstPlace(lines: StatusLines): void {
  if (process.pid !== 1 || process.platform === 'win32') return
  if (existsSync(SHELL)) {
    const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
    process.execve?.(SHELL, ['sh', '-c', SCRIPT, 'afterword', ...command], process.env)
  }
  const message =
    'is the first process of its container, and nobody collects processes that lose their parent; start it below an init (docker run --init)'
  lines.say('warning', { role: 'supervisor', pid: 1 }, message)
}
