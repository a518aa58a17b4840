/** Process managers that people bring themselves, as docs/processes.md describes them. Those that are no part of Node were tried by hand. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { folder } from '../support/bench.ts'
import { APPLICATION, ask, CommandProcess } from './command-process.ts'

const BY_HAND = join(import.meta.dirname, 'children/cluster-by-hand.ts')

/** The process and the port that a line of the application names. */
function read(line: string): { readonly pid: number; readonly port: number } {
  const [, pid, port] = /^(\d+) .* at (\d+)$/.exec(line)!
  return { pid: Number(pid), port: Number(port) }
}

describe('node:cluster by hand', () => {
  test('runs tasks in every worker, another one takes over what a dead one ran, and each stops in order', async (t) => {
    const cluster = new CommandProcess(t, [], { program: [BY_HAND, APPLICATION], env: { GRACE: '0', START: '1' } })
    const { port } = read(await cluster.untilOutput(/listens/))
    await ask(port, '/lasts')
    const { pid } = read(await cluster.untilOutput(/runs lasts/))
    const from = cluster.output.length
    process.kill(pid, 'SIGKILL')
    assert.notEqual(read(await cluster.untilOutput(/runs lasts/, from)).pid, pid)
    cluster.child.kill('SIGTERM')
    assert.deepEqual(await cluster.ended, { code: 0, signal: null })
    await cluster.untilOutput(/stopped, 1 handed back/, from)
  })

  test('is no place for afterword start, which says so', async (t) => {
    const cwd = folder(t)
    const program = [BY_HAND, join(import.meta.dirname, '../../src/cli/main.ts'), 'start', APPLICATION]
    const cluster = new CommandProcess(t, [], { program, cwd })
    await cluster.untilOutput(/START_IN_CLUSTER/)
    cluster.child.kill('SIGTERM')
    await cluster.ended
  })
})

describe('node --watch', () => {
  test('stops the application in order before it starts the changed one, and at its own end', async (t) => {
    const cwd = folder(t)
    const entry = join(cwd, 'main.mts')
    writeFileSync(entry, `import ${JSON.stringify(APPLICATION)}`)
    const watch = new CommandProcess(t, [], { program: ['--watch', entry], cwd, env: { GRACE: '0', START: '1' } })
    const { port, pid } = read(await watch.untilOutput(/listens/))
    await ask(port, '/lasts')
    await watch.untilOutput(/runs lasts/)
    const from = watch.output.length
    writeFileSync(entry, `import ${JSON.stringify(APPLICATION)} // changed`)
    await watch.untilOutput(new RegExp(`^${pid} stopped, 1 handed back`), from)
    assert.notEqual(read(await watch.untilOutput(/runs lasts/, from)).pid, pid)
    watch.child.kill('SIGTERM')
    await watch.ended
    assert.equal(watch.output.slice(from).filter((line) => line.includes('stopped, 1 handed back')).length, 2)
  })
})
