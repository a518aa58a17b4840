/** The first process of a container, in a PID namespace: it has to pass signals on, and to collect who loses its parent. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { ask, CommandProcess } from './command-process.ts'

const UNSHARE = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--mount-proc', '--kill-child']
const isPossible = spawnSync(UNSHARE[0]!, [...UNSHARE.slice(1), 'true']).status === 0
const skip = isPossible ? false : 'no PID namespace can be made here'

describe('as the first process of a container', { skip }, () => {
  test('afterword start reloads and stops on signals, and collects processes that lost their parent', async (t) => {
    const command = new CommandProcess(t, ['start'], { command: [...UNSHARE, process.execPath] })
    const port = command.portIn(await command.until({ change: 'ready' }))
    const orphan = (await ask(port, '/orphan')).trim()
    assert.match(orphan, /^\d+$/)
    while ((await ask(port, `/state/${orphan}`)) !== 'gone');
    await ask(port, '/kill/1/SIGHUP')
    await command.until({ change: 'reloaded' })
    await ask(port, '/kill/1/SIGTERM')
    assert.deepEqual(await command.ended, { code: 0, signal: null })
    await command.until({ change: 'stopping', text: /^stops after SIGTERM$/ })
    assert.equal(command.lines.filter(({ change }) => change === 'warning').length, 0)
  })

  test('afterword worker stops on SIGTERM, and its exit code is the container’s', async (t) => {
    const setting = { command: [...UNSHARE, process.execPath] }
    const worker = new CommandProcess(t, ['worker'], setting)
    const port = worker.portIn(await worker.until({ change: 'ready' }))
    await ask(port, '/kill/1/SIGTERM')
    assert.deepEqual(await worker.ended, { code: 0, signal: null })
    const refused = new CommandProcess(t, ['worker'], { ...setting, env: { STORE: 'memory:' } })
    assert.deepEqual(await refused.ended, { code: 1, signal: null })
  })
})
