/**
 * Two web processes and a worker on one SQLite file, under constant load, over connections that stay open and over one for
 * each request. Clients write down what they were told; tasks write down that they ran. No acknowledged task may be
 * missing, whatever is killed; no request may fail because of a reload.
 */
import assert from 'node:assert/strict'
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { bench } from '../support/bench.ts'
import { turn } from '../support/fake-clock.ts'
import { CommandProcess } from './command-process.ts'
import { Load } from './load.ts'

const ROUNDS = Number(process.env['AFTERWORD_ROUNDS'] ?? 3)
const REQUESTS = 100

describe('under constant load', () => {
  test('reloads fail no request; kills of any process and the last stop lose no acknowledged task', async (t) => {
    const command = new CommandProcess(t, ['start', '--web', '2', '--workers', '1', '--restart-delay', '10ms'])
    const [web] = await command.ready('web', 2)
    await command.ready('worker', 1)
    const load = new Load(t, command.portIn(web!))
    await load.more(REQUESTS)

    for (let round = 0; round < ROUNDS; round++) {
      const [line, request] = [command.lines.length, load.asked.length]
      command.child.kill('SIGHUP')
      await command.until({ change: 'reloaded' }, line)
      await load.more(REQUESTS)
      assert.deepEqual(load.failures(request), [], `reload ${round + 1}`)
    }
    t.diagnostic(`${load.asked.length} requests in ${ROUNDS} reloads`)
    for (let round = 0; round < ROUNDS; round++) {
      for (const role of ['web', 'worker'] as const) {
        const line = command.lines.length
        const victim = command.lines.findLast((line) => line.change === 'ready' && line.role === role)!
        process.kill(victim.pid!, 'SIGKILL')
        await command.until({ change: 'died', pid: victim.pid! }, line)
        await command.ready(role, 1, line)
        await load.more(REQUESTS)
      }
    }
    command.child.kill('SIGTERM')
    assert.deepEqual(await command.ended, { code: 0, signal: null }, command.story)
    await load.stop()
    t.diagnostic(`${load.acknowledged.length} acknowledged, ${load.failures().length} failed`)

    // What was left is run here.
    const run = (text: string): void => appendFileSync(command.notes, `${text} here\n`)
    const tasks = [defineTask({ name: 'note', run })]
    const { background } = bench(t, { store: `sqlite:${join(command.cwd, 'tasks.db')}`, tasks })
    while ((await background.counts()).size > 0) await turn()
    const ran = new Set(
      readFileSync(command.notes, 'utf8')
        .split('\n')
        .map((line) => line.split(' ')[0]),
    )
    assert.deepEqual(
      load.acknowledged.filter((text) => !ran.has(text)),
      [],
    )
  })
})
