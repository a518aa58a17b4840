/** `node dies-paying.ts <store> <thread or process> <file or server> <id>`: adds a payment, and is killed while that is made. */
import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { createBackground } from '../../../src/background.ts'
import { all, paying, type Place } from './paying-tasks.ts'

const [store = '', kind = '', place = '', id = ''] = process.argv.slice(2)

// It has heard of the end of the attempt, and nothing is written of it before the next turn.
function onMessage(message: unknown): void {
  const { kind: told, afterword } = message as { kind?: string; afterword?: { kind?: string } }
  const isEnd = (afterword?.kind ?? told) === 'returned'
  if (isEnd && process.env['AFTERWORD_TEST_DEATH'] === 'parent before record') process.kill(process.pid, 'SIGKILL')
}
process.on('worker', (worker) => worker.on('message', onMessage))
subscribe('child_process', (created) => (created as { process: ChildProcess }).process.on('message', onMessage))

const background = createBackground({ store, tasks: all })
await background.add(paying[kind as 'thread' | 'process'][place as Place], id, { id })
