/** `start()` proves that a thread finds every definition: what is wrong is told before anything runs. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { defineTask } from '../../src/define-task.ts'
import type { AnyTaskDefinition } from '../../src/model/definition.ts'
import { type AfterwordError, isAfterwordError } from '../../src/model/errors.ts'
import { bench, folder, later } from '../support/bench.ts'
import { task as failsToLoad } from './children/fails-to-load.ts'
import { helped, lost } from './children/helped.ts'
import { inThread } from './children/isolated-tasks.ts'
import { mainOnly } from './children/main-only.ts'
import { other, twin } from './children/twins.ts'

const { where } = inThread

const SRC = pathToFileURL(join(import.meta.dirname, '../../src/')).href

async function refusal(t: TestContext, task: AnyTaskDefinition): Promise<AfterwordError> {
  const { background } = bench(t, { tasks: [task] })
  const error = await background.start().then(
    () => assert.fail('it started'),
    (thrown: unknown) => thrown,
  )
  assert.equal(isAfterwordError(error), true, String(error))
  return error as AfterwordError
}

describe('start refuses a definition with thread: true', () => {
  test('that a helper made: the module which called defineTask does not define it by itself', async (t) => {
    const error = await refusal(t, lost)
    assert.equal(error.code, 'TASK_NOT_IN_MODULE')
    assert.match(error.message, /helper\.ts/)
    assert.match(error.todo, /option module/)
  })

  test('that is defined in the main thread only', async (t) => {
    assert.equal((await refusal(t, mainOnly!)).code, 'TASK_NOT_IN_MODULE')
  })

  test('whose name its module gives to two', async (t) => {
    assert.equal((await refusal(t, twin)).code, 'TASK_AMBIGUOUS')
    assert.equal((await refusal(t, other)).code, 'TASK_AMBIGUOUS')
  })

  test('whose module cannot be imported, with the reason', async (t) => {
    const error = await refusal(t, failsToLoad)
    assert.equal(error.code, 'TASK_MODULE_FAILED')
    assert.match(error.message, /no licence for threads/)
    assert.equal((error.cause as Error).name, 'RangeError')
  })

  test('whose module is not there', async (t) => {
    const module = new URL('./no-such-module.ts', import.meta.url)
    const task = defineTask({ name: 'nowhere', thread: true, module, run: () => 1 })
    assert.equal((await refusal(t, task)).code, 'TASK_MODULE_FAILED')
  })

  test('and starts when it is called again and the reason has gone', async (t) => {
    const file = join(folder(t), 'late.ts')
    const task = defineTask({ name: where.name, thread: true, module: pathToFileURL(file), run: where.run })
    const { background } = bench(t, { tasks: [task] })
    await assert.rejects(background.start(), { code: 'TASK_MODULE_FAILED' })
    writeFileSync(file, `import '${new URL('./children/isolated-tasks.ts', import.meta.url).href}'`)
    await background.start()
    assert.equal((await background.result(await background.add(task))).isMainThread, false)
  })

  test('but not where it only adds tasks: they run elsewhere', async (t) => {
    const { background } = bench(t, { tasks: [lost], works: false })
    await background.start()
  })
})

describe('start accepts', () => {
  test('a definition that a helper made, with the option module', async (t) => {
    const { background } = bench(t, { tasks: [helped] })
    assert.equal(await background.result(await background.add(helped)), 'helped')
  })

  test('a process that listens: only what its threads do counts', async (t) => {
    const server = createServer()
    later(t).defer(() => void server.close())
    await once(server.listen(0), 'listening')
    const { background } = bench(t, { tasks: [where] })
    await background.start()
  })
})

describe('an application in one file with its task', () => {
  const run = async (how: string): Promise<string> => {
    const file = join(import.meta.dirname, 'children', 'whole-application.ts')
    return (await promisify(execFile)(process.execPath, [file], { env: { ...process.env, HOW: how } })).stdout
  }

  test('would start its background in each thread: refused', async () => {
    const said = await run('starts')
    assert.match(said, /^TASK_MODULE_FAILED/)
    assert.match(said, /BACKGROUND_IN_ISOLATE/)
    assert.match(said, /module of its own/)
  })

  test('and does not wait for its start: refused too', async () => {
    const said = await run('forgets')
    assert.match(said, /^TASK_MODULE_FAILED/)
    assert.match(said, /BACKGROUND_IN_ISOLATE/)
  })

  test('would listen in each thread: refused', async () => {
    assert.match(await run('listens'), /^TASK_MODULE_SERVES/)
  })
})

describe('a definition that lies in no file', () => {
  const program = `
    const task = defineTask({ name: 'loose', thread: true, run: () => 1 })
    const background = createBackground({ store: 'memory:', tasks: [task] })
    background.start().then(() => 'started', (error) => error.code).then((said) => process.stdout.write('<' + said + '>'))
  `.replaceAll('\n', ';')
  const said = async (args: string[], input = ''): Promise<string> => {
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.end(input)
    return /<(TASK_\w+|started)>/.exec(await text(child.stdout))?.[1] ?? 'nothing'
  }

  test('but in a script given as text is refused at start', async () => {
    const script = `import { createBackground, defineTask } from '${SRC}index.ts'${program}`
    assert.equal(await said(['--input-type=module', '--eval', script]), 'TASK_MODULE_UNKNOWN')
    const common = `const { createBackground, defineTask } = require('${new URL('index.ts', SRC).pathname}')${program}`
    assert.equal(await said(['--input-type=commonjs', '--eval', common]), 'TASK_MODULE_UNKNOWN')
  })

  test('but in the REPL is refused at start', async () => {
    const input = `const { createBackground, defineTask } = require('${new URL('index.ts', SRC).pathname}')${program}\n`
    assert.equal(await said(['--interactive'], input), 'TASK_MODULE_UNKNOWN')
  })
})
