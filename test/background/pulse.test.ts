/** The pulse thread, for real: loops that are blocked, processes that are stopped, leases that are kept meanwhile. */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { pbkdf2Sync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import { fastifyTasks } from '../../src/adapters/fastify.ts'
import { type AnyTaskDefinition, defineTask } from '../../src/index.ts'
import { type Bench, bench, databaseFile } from '../support/bench.ts'
import { blocks, DEFINITIONS, heeds } from '../support/definitions.ts'
import { turn } from '../support/fake-clock.ts'
import { TaskProcess } from '../support/task-process.ts'
import { leavesTheLoop } from './children/leaves-the-loop.ts'

const source = readFileSync(import.meta.filename, 'utf8').split('\n')

/** The place of the line with that mark, up to its column. */
function placeOf(mark: string): string {
  const line = source.findIndex((text) => text.includes(`// ${mark}`)) + 1
  return `${join('test', 'background', 'pulse.test.ts')}:${line}:`
}

function spin(ms: number): void {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs); // spinning
}

const sync = defineTask({ name: 'sync', run: () => spin(400) })
const late = defineTask({
  name: 'late',
  async run() {
    await turn()
    spin(400)
  },
})
const json = defineTask({
  name: 'json',
  run: () => JSON.stringify(Array.from({ length: 1_500_000 }, (_, i) => ({ i }))).length, // json
})
const native = defineTask({
  name: 'native',
  async run() {
    await turn()
    const key = pbkdf2Sync('secret', 'salt', 600_000, 64, 'sha512') // native
    return key.length
  },
})
const child = defineTask({
  name: 'child',
  run() {
    execFileSync('sleep', ['0.4']) // child
    return 'slept'
  },
})

/** A background whose loop is watched. */
async function watched(t: TestContext, options: Parameters<typeof bench>[1] = {}): Promise<Bench> {
  const made = bench(t, options)
  await made.background.start()
  await made.until('pulse:started')
  return made
}

describe('a task that blocks the event loop', () => {
  const places: readonly (readonly [AnyTaskDefinition, string])[] = [
    [sync, 'spinning'],
    [late, 'spinning'],
    [json, 'json'],
    [native, 'native'],
    [child, 'child'],
  ]
  for (const [definition, mark] of places) {
    test(`is named with file and line: ${definition.name}`, async (t) => {
      const { background, until } = await watched(t, { tasks: [definition, heeds] })
      await background.add(heeds)
      const { id } = await background.add(definition)
      const block = await until('loop:blocked')
      assert.deepEqual([block.by, block.name, block.taskId, block.requestId], ['task', definition.name, id, undefined])
      assert.ok(block.place?.startsWith(placeOf(mark)) || block.place?.startsWith(placeOf('spinning')), block.place)
      assert.equal(block.ms >= 100, true)
      assert.equal(block.times, 1)
    })
  }

  test('is reported once in a while, and counted each time', async (t) => {
    const { background, until, events } = await watched(t, { tasks: [sync] })
    for (let i = 0; i < 2; i++) await background.result(await background.add(sync))
    await until('loop:blocked')
    // The probe is rare, too: the second block may have no name.
    const times = () => background.blocks().reduce((sum, count) => sum + count.times, 0)
    while (times() < 2) await turn()
    assert.equal(events.all('loop:blocked').filter(({ by }) => by === 'task').length, 1)
    const named = background.blocks().find(({ name }) => name === 'sync')!
    assert.equal(named.longestMs >= 100 && named.longestMs <= named.totalMs, true)
  })

  test("runs in a thread after three times, with onBlock: 'thread'", async (t) => {
    const { background, events } = await watched(t, { tasks: [leavesTheLoop], threads: 1 })
    const runs: boolean[] = []
    // The probe is rare, so many a block has no name and does not count.
    while (runs.at(-1) !== false && runs.length < 100) {
      runs.push(await background.result(await background.add(leavesTheLoop)))
    }
    assert.deepEqual([runs[0], runs.at(-1)], [true, false])
    assert.deepEqual(events.all('task:moved'), [{ name: 'leaves-the-loop', times: 3 }])
  })

  test('goes unseen with blockedAfter: 0', async (t) => {
    const { background, events } = await watched(t, { tasks: [sync], blockedAfter: 0 })
    for (let i = 0; i < 2; i++) await background.result(await background.add(sync))
    assert.deepEqual([events.all('loop:blocked'), background.blocks()], [[], []])
  })
})

test('a request handler that blocks the event loop is named with its request', async (t) => {
  const { background, until } = bench(t)
  const app = Fastify({ genReqId: () => 'request-7' })
  await app.register(fastifyTasks, { background })
  app.get('/', async () => {
    await turn()
    spin(400)
    return 'done'
  })
  t.after(() => app.close())
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  await until('pulse:started')
  await (await fetch(address)).text()
  const block = await until('loop:blocked')
  assert.deepEqual([block.by, block.name, block.requestId], ['request', undefined, 'request-7'])
  assert.ok(block.place?.startsWith(placeOf('spinning')), block.place)
})

describe('a loop that stands still', () => {
  const lease = { beat: 300, lease: '1s', poll: '1h' } as const

  test('for longer than its lease keeps its tasks: the pulse goes on', async (t) => {
    const file = databaseFile(t)
    const blocked = await TaskProcess.started(t, file, lease)
    await blocked.until('pulse:started')
    const id = await blocked.add('blocks', 3_000)
    const peer = bench(t, { store: `sqlite:${file}`, tasks: DEFINITIONS, ...lease })
    await peer.background.start()
    assert.equal((await blocked.until('attempt:end', id)).state, 'succeeded')
    assert.deepEqual(peer.events.all('worker:rescued'), [])
    assert.deepEqual([blocked.events.all('worker:fenced'), blocked.events.all('claim:lost')], [[], []])
  })

  test('past stuckAfter gives its tasks to others; its late outcome is refused, and it comes back', async (t) => {
    const file = databaseFile(t)
    const stuck = await TaskProcess.started(t, file, { ...lease, lease: '1h', stuckAfter: '1s' })
    await stuck.until('pulse:started')
    const { worker } = stuck.events.all('worker:registered')[0]!
    const run = defineTask({ name: blocks.name, run: () => 'by the peer' })
    const peer = bench(t, { store: `sqlite:${file}`, tasks: [run], poll: 100 })
    await peer.background.start()
    const id = await stuck.add('blocks', 5_000)
    assert.equal(await peer.background.result(id), 'by the peer')
    const fenced = await stuck.until('worker:fenced')
    assert.deepEqual([fenced.worker, fenced.stillMs! >= 1_000], [worker, true])
    assert.equal((await stuck.until('claim:lost')).attempt.id, id)
    const { state, result, crashes } = await peer.row(id)
    assert.deepEqual({ state, result, crashes }, { state: 'succeeded', result: 'by the peer', crashes: 1 })
  })

  test('because its process was stopped is no block, and gives nothing away: others take it', async (t) => {
    const file = databaseFile(t)
    const stopped = await TaskProcess.started(t, file, { ...lease, stuckAfter: '1s' })
    await stopped.until('pulse:started')
    const id = await stopped.add('heeds')
    await stopped.until('attempt:start', id)
    const peer = bench(t, { store: `sqlite:${file}`, ...lease })
    await peer.background.start()
    stopped.child.kill('SIGSTOP')
    assert.deepEqual((await peer.until('worker:rescued')).requeued, [id])
    stopped.child.kill('SIGCONT')
    assert.equal((await stopped.until('worker:fenced')).stillMs, undefined)
    assert.deepEqual(stopped.events.all('loop:blocked'), [])
  })
})

test('a pulse keeps no process alive', async () => {
  const program = join(import.meta.dirname, 'children', 'leaves-a-pulse.ts')
  assert.equal((await promisify(execFile)(process.execPath, [program])).stdout, 'started')
})
