/** `afterword start`: a real supervisor with real web processes and workers, which are killed, replaced and stopped. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { listen, Wire } from '../http/wire.ts'
import { folder } from '../support/bench.ts'
import { ask, CommandProcess, type Setting } from './command-process.ts'

/** One that is ready, and where its web processes listen. */
async function started(t: TestContext, args: readonly string[], { web = 1, worker = 0 } = {}, setting: Setting = {}) {
  const command = new CommandProcess(t, ['start', '--web', `${web}`, '--workers', `${worker}`, ...args], setting)
  const [first] = await command.ready('web', web)
  await command.ready('worker', worker)
  return { command, port: first === undefined ? 0 : command.portIn(first) }
}

const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []

async function untilNoted(file: string, text: string): Promise<string> {
  for (;;) {
    const found = linesOf(file).find((line) => line.startsWith(`${text} `))
    if (found !== undefined) return found
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('afterword start', () => {
  test('with one web process, the default, lets that run its own tasks', async (t) => {
    const command = new CommandProcess(t, ['start'])
    const ready = await command.until({ change: 'ready' })
    const port = command.portIn(ready)
    assert.match(ready.message, /^ready, listens at 127\.0\.0\.1:\d+, takes tasks of default, long$/)
    assert.equal(await ask(port, '/note/a'), String(ready.pid))
    assert.equal(await untilNoted(command.notes, 'a'), `a ${ready.pid}`)
    command.child.kill('SIGTERM')
    assert.deepEqual(await command.ended, { code: 0, signal: null }, command.story)
  })

  test('with workers lets them run the tasks that web processes add, which share a port', async (t) => {
    const { command, port } = await started(t, [], { web: 2, worker: 1 })
    const webs = command.lines.filter(({ change, role }) => change === 'ready' && role === 'web')
    assert.deepEqual(
      webs.map((line) => command.portIn(line)),
      [port, port],
    )
    assert.match(webs[0]!.message, /leaves tasks to workers$/)
    const pids = new Set([await ask(port, '/note/a'), await ask(port, '/note/b')])
    assert.deepEqual([...pids].toSorted(), webs.map(({ pid }) => String(pid)).toSorted())
    const [worker] = await command.ready('worker', 1)
    for (const text of ['a', 'b']) assert.equal(await untilNoted(command.notes, text), `${text} ${worker!.pid}`)
  })

  test('passes arguments on, and starts the application as its main module would be', async (t) => {
    const cwd = folder(t)
    const entry = join(cwd, 'main.mts')
    const source = `export * from ${JSON.stringify(join(import.meta.dirname, 'children/application.ts'))}
      process.stdout.write(\`main \${import.meta.main} \${process.argv.slice(1)}\\n\`)`
    writeFileSync(entry, source)
    const { command, port } = await started(t, ['--', '-x', 'y'], { worker: 1 }, { entry, cwd })
    assert.match(await ask(port, '/'), /^\d+ -x y$/)
    assert.deepEqual(
      command.output.filter((line) => line.startsWith('main true')),
      [`main true ${entry},-x,y`],
    )
    // A worker imports it: what is only done as the main module is not done there.
    assert.equal(command.output.filter((line) => line.startsWith('main false')).length, 1)
  })

  test('runs workers only, when it shall', async (t) => {
    const { command } = await started(t, [], { web: 0, worker: 2 })
    assert.equal(new Set(command.lines.flatMap(({ incarnations = [] }) => incarnations)).size, 2)
    command.child.kill('SIGINT')
    assert.deepEqual(await command.ended, { code: 0, signal: null })
  })

  test('says when there are more processes than cores', async (t) => {
    const [cores, processes] = [availableParallelism(), availableParallelism() + 1]
    const command = new CommandProcess(t, ['start', '--web', '0', '--workers', `${processes}`])
    const { message } = await command.until({ change: 'warning', role: 'supervisor' })
    assert.match(message, new RegExp(`^${processes} processes share ${cores} cores?;`))
  })
})

describe('a process that dies', () => {
  test('is started again, and the others go on', async (t) => {
    const { command, port } = await started(t, [], { web: 2, worker: 1 })
    for (const { role, pid } of command.lines.filter(({ change }) => change === 'ready')) {
      const from = command.lines.length
      process.kill(pid!, 'SIGKILL')
      await command.until({ change: 'died', pid: pid!, text: /^died by SIGKILL$/ }, from)
      await command.ready(role, 1, from)
    }
    assert.match(await ask(port, '/note/a'), /^\d+$/)
    await untilNoted(command.notes, 'a')
  })

  test('because it was told to stop is replaced, and has stopped in order', async (t) => {
    const { command } = await started(t, [], { web: 1, worker: 0 })
    const { pid } = await command.until({ change: 'ready' })
    const from = command.lines.length
    process.kill(pid!, 'SIGTERM')
    await command.until({ change: 'stopping', pid: pid!, text: /^stops after SIGTERM$/ }, from)
    await command.until({ change: 'stopped', pid: pid!, text: /^stopped: 0 finished/ }, from)
    await command.ready('web', 1, from)
  })

  test('ten times at its start ends all of it, with what it said last', async (t) => {
    for (const TROUBLE of ['dies', 'throws']) {
      const command = new CommandProcess(t, ['start', '--restart-delay', '1ms'], { env: { TROUBLE } })
      assert.deepEqual(await command.ended, { code: 1, signal: null })
      assert.equal(command.lines.filter(({ change }) => change === 'died').length, 10)
      const { message } = await command.until({ change: 'failed', role: 'supervisor' })
      assert.match(message, /PROCESS_DIES_AT_START\] The process web 1 died 10 times in a row/)
      assert.match(message, /there is no DATABASE_URL/)
    }
  })
})

describe('a start that can never succeed ends at once, with', () => {
  const refusals: readonly (readonly [string, readonly string[], Setting['env'], RegExp])[] = [
    ['ENTRY_WITHOUT_BACKGROUND', [], { TROUBLE: 'no background' }, /application\.ts created no background/],
    ['ENTRY_LISTENS_NOWHERE', [], { TROUBLE: 'no server' }, /has started no server/],
    ['STORE_NOT_SHARED', ['--workers', '1'], { STORE: 'memory:' }, /which no other process can see/],
    ['WORKER_WORKS_NOT', ['--workers', '1', '--web', '0'], { WORKS: 'false' }, /with works: false/],
  ]
  for (const [code, args, env, text] of refusals) {
    test(code, async (t) => {
      const command = new CommandProcess(t, ['start', ...args], { env: env! })
      assert.deepEqual(await command.ended, { code: 1, signal: null })
      assert.match((await command.until({ change: 'failed' })).message, new RegExp(`${code}.*${text.source}`))
      assert.equal(command.lines.filter(({ change }) => change === 'starting').length, 1, command.story)
    })
  }

  test('PORT_IN_USE', async (t) => {
    const port = await listen(t, createServer())
    const command = new CommandProcess(t, ['start'], { env: { PORT: `${port}` } })
    assert.deepEqual(await command.ended, { code: 1, signal: null })
    const { message } = await command.until({ change: 'failed', role: 'web' })
    assert.match(
      message,
      new RegExp(`PORT_IN_USE.* cannot listen at 127\\.0\\.0\\.1:${port}: another program listens there`),
    )
  })

  test('ENTRY_STARTS_TOO_LONG, after ten tries', async (t) => {
    const args = ['start', '--start-timeout', '300ms', '--restart-delay', '1ms']
    const command = new CommandProcess(t, args, { env: { TROUBLE: 'never loads' } })
    assert.deepEqual(await command.ended, { code: 1, signal: null })
    assert.match((await command.until({ change: 'failed' })).message, /ENTRY_STARTS_TOO_LONG.*its import has not ended/)
  })
})

describe('SIGHUP', () => {
  test('replaces every process, the new ones first', async (t) => {
    const { command, port } = await started(t, [], { web: 2, worker: 1 })
    const before = command.lines.filter(({ change }) => change === 'ready').map(({ pid }) => pid)
    const from = command.lines.length
    command.child.kill('SIGHUP')
    await command.until({ change: 'reloaded' })
    const story = command.lines.slice(from).map(({ change }) => change)
    const each = ['replacing', 'started', 'ready', 'stopped']
    assert.deepEqual(story, ['reloading', ...each, ...each, ...each, 'reloaded'])
    assert.equal(before.includes(Number(await ask(port, '/'))), false)
  })

  test('lets a connection that is idle be used once more, which is told to close', async (t) => {
    const { command, port } = await started(t, ['--grace', '1h'])
    const { pid } = await command.until({ change: 'ready' })
    const wire = await Wire.open(t, port)
    await wire.get('/').answer()
    const from = command.lines.length
    command.child.kill('SIGHUP')
    await command.ready('web', 1, from)
    let answer
    do {
      answer = await wire.get('/').answer()
      assert.deepEqual([answer.status, answer.body], [200, String(pid)])
      // The old process may not have heard of its end yet.
    } while (answer.headers['connection'] !== 'close')
    await command.until({ change: 'reloaded' })
  })

  test('leaves the old processes in their places when the new ones cannot start', async (t) => {
    const cwd = folder(t)
    const entry = join(cwd, 'main.mts')
    writeFileSync(entry, `import ${JSON.stringify(join(import.meta.dirname, 'children/application.ts'))}`)
    const { command, port } = await started(t, [], { worker: 1 }, { entry, cwd })
    const pid = await ask(port, '/')
    copyFileSync(entry, join(cwd, 'good.mts'))
    writeFileSync(entry, 'this is no program')
    command.child.kill('SIGHUP')
    await command.until({ change: 'failed', text: /^gives the reload up; what was not replaced goes on$/ })
    assert.equal(await ask(port, '/'), pid)
    copyFileSync(join(cwd, 'good.mts'), entry)
    command.child.kill('SIGHUP')
    await command.until({ change: 'reloaded' })
    assert.notEqual(await ask(port, '/'), pid)
  })
})

describe('a process is replaced', () => {
  test('after so many attempts', async (t) => {
    const { command, port } = await started(t, ['--max-tasks', '5'])
    const { pid } = await command.until({ change: 'ready' })
    for (let n = 0; n < 6; n++) await ask(port, `/note/${n}`)
    await command.until({
      change: 'replacing',
      pid: pid!,
      text: /^is replaced because of [56] attempts, with a limit of [56]$/,
    })
    await command.until({ change: 'stopped', pid: pid! })
    for (let n = 0; n < 6; n++) await untilNoted(command.notes, `${n}`)
  })

  test('when it takes too much memory', async (t) => {
    const { command, port } = await started(t, ['--max-memory', '300'])
    const { pid } = await command.until({ change: 'ready' })
    await ask(port, '/fill/400')
    await command.until({
      change: 'replacing',
      pid: pid!,
      text: /^is replaced because of \d+ MB of memory, with a limit of 3\d\d$/,
    })
    await command.until({ change: 'stopped', pid: pid! })
  })

  test('when it is old', async (t) => {
    const { command } = await started(t, ['--max-age', '1s'], { web: 0, worker: 1 })
    const { pid } = await command.until({ change: 'ready' })
    await command.until({ change: 'replacing', pid: pid!, text: /^is replaced because of 1\d\d\d ms of age$/ })
    await command.until({ change: 'stopped', pid: pid! })
  })
})

describe('stopping', () => {
  test('lets requests and tasks end, and ends with 0', async (t) => {
    const { command, port } = await started(t, ['--grace', '1h'], { worker: 1 })
    const wire = await Wire.open(t, port)
    wire.socket.write('GET /note/late HTTP/1.1\r\nHost: x\r\n')
    // The head of another one is answered, so that the first part of this one has arrived.
    await ask(port, '/')
    command.child.kill('SIGTERM')
    await command.until({ change: 'stopping' })
    wire.socket.write('\r\n')
    assert.equal((await wire.answer()).status, 200)
    assert.deepEqual(await command.ended, { code: 0, signal: null })
  })

  test('kills, as the last resort, what does not stop, and ends with 1', async (t) => {
    const { command } = await started(t, ['--grace', '0'], { web: 0, worker: 1 })
    const { pid } = await command.until({ change: 'ready' })
    process.kill(pid!, 'SIGSTOP')
    command.child.kill('SIGTERM')
    await command.until({ change: 'killed', pid: pid!, text: /^it had not stopped after 1500 ms, and is killed$/ })
    assert.deepEqual(await command.ended, { code: 1, signal: null })
  })

  test('lets an application shut itself down that handles SIGTERM and gave nothing to close', async (t) => {
    const cwd = folder(t)
    const entry = join(cwd, 'main.mts')
    const source = `import { createServer } from 'node:http'
      import { createBackground } from ${JSON.stringify(join(import.meta.dirname, '../../src/index.ts'))}
      createBackground({ store: 'sqlite:./tasks.db' })
      createServer().listen(0, '127.0.0.1')
      process.on('SIGTERM', () => setTimeout(() => console.log('the pool is closed'), 50))`
    writeFileSync(entry, source)
    const { command } = await started(t, ['--grace', '1h'], {}, { entry, cwd })
    command.child.kill('SIGTERM')
    assert.deepEqual(await command.ended, { code: 0, signal: null })
    assert.deepEqual(command.output, ['the pool is closed'])
  })

  test('hands back what a worker runs', async (t) => {
    const { command, port } = await started(t, ['--grace', '0'], { worker: 1 })
    await ask(port, '/lasts')
    await ask(port, '/note/a')
    await untilNoted(command.notes, 'a')
    command.child.kill('SIGTERM')
    assert.deepEqual(await command.ended, { code: 0, signal: null })
    await command.until({ change: 'stopped', role: 'worker', text: /1 handed back/ })
  })

  test('by SIGKILL of the supervisor leaves no process behind', async (t) => {
    const { command, port } = await started(t, [], { web: 2, worker: 1 })
    await ask(port, '/note/a')
    await untilNoted(command.notes, 'a')
    command.child.kill('SIGKILL')
    await once(command.child, 'exit')
    // The pipes close when the last process that holds them has ended.
    assert.deepEqual(await command.ended, { code: null, signal: 'SIGKILL' })
  })
})
