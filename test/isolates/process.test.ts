/** What only a child process can stand: native crashes, signals, and the death of its parent. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { inheritedArguments } from '../../src/isolates/inherited-arguments.ts'
import { IsolatePool } from '../../src/isolates/isolate-pool.ts'
import { LastWords } from '../../src/isolates/last-words.ts'
import { bench, gate, later, SILENT } from '../support/bench.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { isolatedCall, NOBODY } from '../support/isolated-call.ts'
import { inProcess } from './children/isolated-tasks.ts'
import { falls, goesOn, leavesAProgram, sends } from './children/process-tasks.ts'
import { ends } from './ends.ts'

const run = promisify(execFile)
const child = (name: string): string => join(import.meta.dirname, 'children', name)

describe('a task in a process', () => {
  /** What is stored of the attempt; another task of the same kind goes on beside it. */
  async function fall(t: TestContext, how: Parameters<typeof falls.run>[0]) {
    const { background, row, until } = bench(t, { tasks: [falls, inProcess.heeds], threads: 2 })
    const beside = await background.add(inProcess.heeds)
    await until('attempt:progress', beside.id)
    const { id } = await background.add(falls, how)
    await until('attempt:end', id)
    await background.cancel(beside.id)
    assert.match(String(await background.result(beside)), /cancelled/)
    const { state, error } = await row(id)
    assert.equal(state, 'failed')
    return error!
  }

  test('that aborts fails its attempt as a native crash, with the signal and what it said last', async (t) => {
    const { code, message, cause } = await fall(t, 'abort')
    assert.equal(code, 'PROCESS_CRASHED_NATIVELY')
    assert.match(message, /"falls" crashed natively after \d+ ms, by SIGABRT\./)
    assert.equal(cause?.name, 'Stderr')
    assert.match(cause.message, /^the last words\n[^]*process-tasks\.ts/)
  })

  test('that gets SIGSEGV fails its attempt as a native crash', async (t) => {
    const { code, message, cause } = await fall(t, 'SIGSEGV')
    assert.equal(code, 'PROCESS_CRASHED_NATIVELY')
    assert.match(message, /by SIGSEGV/)
    assert.equal(cause?.message, 'the last words')
  })

  test('that really accesses memory which is not its own crashes alone: the server beside it answers', async () => {
    const { stdout } = await run(process.execPath, ['--stack-size=100000', child('falls-beside-a-server.ts')])
    assert.match(stdout, /^PROCESS_CRASHED_NATIVELY .* by SIGSEGV\.\npong$/)
  })

  test('that is killed fails its attempt with the signal and a word on the out-of-memory killer', async (t) => {
    const { code, message } = await fall(t, 'SIGKILL')
    assert.equal(code, 'PROCESS_KILLED')
    assert.match(message, /was killed by SIGKILL[^]*out-of-memory killer/)
  })

  test('that calls process.exit fails its attempt with what it said last, even when the code is 0', async (t) => {
    const { code, message, cause } = await fall(t, 'exit')
    assert.equal(code, 'PROCESS_EXITED')
    assert.match(message, /exit code 0/)
    assert.equal(cause?.message, 'the last words')
  })

  test('that closes its channel cannot go on unheard', async (t) => {
    assert.equal((await fall(t, 'disconnect')).code, 'PROCESS_EXITED')
  })

  test('that runs out of memory leaves what V8 said of it', async (t) => {
    const { background, until } = bench(t, { tasks: [inProcess.dies], threadMemoryMb: 32 })
    const { error } = await until('attempt:failed', (await background.add(inProcess.dies, 'hog')).id)
    assert.equal(error?.code, 'PROCESS_OUT_OF_MEMORY')
    assert.match(error.cause!.message, /^FATAL ERROR: .*JavaScript heap out of memory/)
  })

  test('may use the channel to its parent, where nobody minds', async (t) => {
    const { background } = bench(t, { tasks: [sends] })
    assert.equal(await background.result(await background.add(sends)), 'done')
  })

  test('leaves the signals of a terminal and of supervisors to its parent', async (t) => {
    const { background } = bench(t, { tasks: [goesOn] })
    assert.equal(await background.result(await background.add(goesOn)), 'went on')
  })

  test('ends with its parent, also when it never pauses and the parent was killed', async () => {
    const parent = spawn(process.execPath, [child('leaves-an-orphan.ts')], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(parent, 'exit')
    // Both write to this pipe: it ends when both are gone.
    const [said, [, signal]] = await Promise.all([text(parent.stdout), exited])
    assert.match(said, /^\d+\/0$/)
    assert.equal(signal, 'SIGKILL')
  })

  test('that leaves a program behind with its stderr is told as gone half a second after its end', async (t) => {
    const clock = new FakeClock()
    const pool = new IsolatePool({ clock, logger: SILENT, size: 1, memoryMb: undefined })
    const gone = ends(t)
    const left = gate<string>()
    const { ended } = pool.run(isolatedCall(leavesAProgram, { input: { format: 0, text: 'null' } }), {
      ...NOBODY,
      progress: ({ text }) => left.open(text),
    })
    const failed = assert.rejects(ended, { code: 'PROCESS_EXITED' })
    const { program, there } = JSON.parse(await left.opened) as { program: number; there: string }
    later(t).defer(() => void process.kill(program))
    await gone(there)
    await clock.advance(499)
    assert.equal(pool.isolates, 1)
    await clock.advance(1)
    await failed
    assert.equal(pool.isolates, 0)
  })

  test('for which no process can be started fails with the reason', async () => {
    const { stdout } = await run(process.execPath, [child('has-no-descriptor.ts')])
    assert.equal(stdout, 'PROCESS_NOT_STARTED EMFILE')
  })
})

describe('the arguments for Node of a task process', () => {
  test('are those of its parent, but for what the parent runs and for debuggers', () => {
    const kept = ['--import', 'tsx', '--conditions=dev', '--max-old-space-size=512', '--enable-source-maps']
    assert.deepEqual(inheritedArguments(kept), kept)
    for (const own of [
      ['--input-type=module', '--eval', 'import x'],
      ['--eval=1'],
      ['-e', '1'],
      ['-p', '1'],
      ['-pe', '1'],
      ['--print', '1'],
      ['-i'],
      ['--inspect=9229'],
      ['--inspect-brk'],
      ['--inspect-port=0'],
      ['--watch'],
      ['--watch-path=src'],
      ['--test'],
      ['--test-isolation=process'],
      ['--test-reporter', 'spec'],
      ['--check'],
    ]) {
      assert.deepEqual(inheritedArguments(['--import', 'tsx', ...own, '--no-warnings']), [
        '--import',
        'tsx',
        '--no-warnings',
      ])
    }
  })
})

describe('the last words of a task process', () => {
  const after = (...chunks: readonly string[]): string => {
    const words = new LastWords()
    for (const chunk of chunks) words.add(Buffer.from(chunk))
    return words.text
  }

  test('are the end of what it wrote to stderr, as long as the message of an error may be', () => {
    assert.equal(after('one\n', 'two\n'), 'one\ntwo')
    assert.equal(after('a'.repeat(100_000), 'end\n'), `${'a'.repeat(3_996)}end`)
    assert.equal(after(), '')
  })

  test('begin with the fatal error of V8, whatever stack follows it', () => {
    const told = after('<--- Last few GCs --->\n', 'FATAL ERROR: out of memory\n', ` 1: 0x93\n`.repeat(600))
    assert.match(told, /^FATAL ERROR: out of memory\n 1: 0x93\n/)
  })
})
