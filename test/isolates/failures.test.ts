/** Threads and child processes that are stuck, or die. Each fails its own attempt, and nothing else. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { bench, gate, SILENT } from '../support/bench.ts'
import { inProcess, inThread } from './children/isolated-tasks.ts'
import { leavesABombInProcess, leavesABombInThread } from './children/leaves-a-bomb.ts'
import { startsInProcess, startsInThread } from './children/starts-a-background.ts'
import { ends } from './ends.ts'

for (const { kind, dies, where, burns, spins } of [inThread, inProcess]) {
  const CODES = kind === 'thread' ? 'THREAD' : 'PROCESS'
  const leavesABomb = kind === 'thread' ? leavesABombInThread : leavesABombInProcess
  const starts = kind === 'thread' ? startsInThread : startsInProcess

  describe(`a ${kind} that dies under its task`, () => {
    /** How the first attempt failed, and what the second told. */
    async function death(t: TestContext, how: Parameters<typeof dies.run>[0]) {
      const made = bench(t, { tasks: [dies, where], threads: 2, threadMemoryMb: 32 })
      const { id } = await made.background.add(dies, how)
      const first = await made.until('attempt:end', id)
      assert.equal(first.state, 'scheduled')
      assert.equal(typeof (await made.background.result(id)), 'string')
      return first
    }

    test('by process.exit fails the attempt with the exit code, and the next one runs in another one', async (t) => {
      const { error, thrown } = await death(t, 'exit')
      assert.equal(error?.code, `${CODES}_EXITED`)
      const { details } = thrown as { details: { name: string; exitCode: number; ranMs: number } }
      assert.deepEqual({ ...details, ranMs: details.ranMs >= 0 }, { name: `${kind}-dies`, exitCode: 3, ranMs: true })
    })

    test('by an error outside of its promise fails the attempt with that error as its cause', async (t) => {
      const { error } = await death(t, 'throw')
      assert.deepEqual(
        [error?.code, error?.cause?.message, error?.cause?.code],
        [`${CODES}_CRASHED`, 'outside', 'E_OUTSIDE'],
      )
      assert.match(error!.message, /exit code 1/)
    })

    test('by a rejection that nobody listens to fails the attempt in the same way', async (t) => {
      const { error } = await death(t, 'reject')
      assert.deepEqual([error?.code, error?.cause?.message], [`${CODES}_CRASHED`, 'nobody listens'])
    })

    test('by running out of memory fails the attempt with the limit', async (t) => {
      const { error, thrown } = await death(t, 'hog')
      assert.equal(error?.code, `${CODES}_OUT_OF_MEMORY`)
      assert.equal((thrown as { details: { memoryMb: number } }).details.memoryMb, 32)
    })

    test('harms no task beside it, and no task after it', async (t) => {
      const { background, until } = bench(t, { tasks: [dies, burns], threads: 2, threadMemoryMb: 32 })
      const beside = await background.add(burns, 300)
      await until('attempt:start', beside.id)
      const dying = await background.add(dies, 'hog')
      const after = await background.add(burns, 1)
      assert.equal(typeof (await background.result(dying)), 'string')
      assert.equal(typeof (await background.result(after)), 'string')
      assert.equal(typeof (await background.result(beside)), 'string')
      assert.equal((await background.get(beside.id))?.attempt, 1)
    })
  })

  describe(`what a task leaves behind in its ${kind}`, () => {
    test('may end it while it is idle, which is logged and harms nobody', async (t) => {
      const crashed = gate<Error>()
      const logger = { ...SILENT, error: ({ err }: { err: Error }) => crashed.open(err) }
      const { background } = bench(t, { tasks: [leavesABomb, where], logger, threads: 1 })
      assert.equal(await background.result(await background.add(leavesABomb)), 'done')
      assert.equal((await crashed.opened).message, 'too late')
      assert.equal((await background.result(await background.add(where))).pid === process.pid, kind === 'thread')
    })
  })

  describe(`a task in a ${kind} that starts a background`, () => {
    test('is refused, and told what to do', async (t) => {
      const { background, until } = bench(t, { tasks: [starts] })
      const { error } = await until('attempt:failed', (await background.add(starts)).id)
      assert.equal(error?.code, 'BACKGROUND_IN_ISOLATE')
      assert.match(error.message, /module of its own/)
    })
  })

  describe(`a task in a ${kind} that hears no signal`, () => {
    test("is given up after abandonAfter, and its place is another one's", async (t) => {
      const { background, until, row } = bench(t, {
        tasks: [spins, where],
        threads: 1,
        timeout: '100ms',
        abandonAfter: '50ms',
      })
      const stuck = await background.add(spins)
      const spinning = (await until('attempt:progress', stuck.id)).value
      const next = await background.add(where)
      const { pid, threadId } = await background.result(next)
      assert.notEqual(`${pid}/${threadId}`, spinning)
      assert.equal((await until('attempt:abandoned', stuck.id)).reason, 'timeout')
      const { state, error } = await row(stuck.id)
      assert.deepEqual([state, error?.code], ['failed', 'ATTEMPT_TIMEOUT'])
    })

    test('is given up and really ends, while its background goes on', async (t) => {
      const gone = ends(t)
      const { background, until, row } = bench(t, { tasks: [spins, where], timeout: '50ms', abandonAfter: '50ms' })
      const { id } = await background.add(spins)
      await gone((await until('attempt:progress', id)).value as string)
      await until('attempt:end', id)
      assert.equal((await row(id)).error?.code, 'ATTEMPT_TIMEOUT')
      assert.equal((await background.result(await background.add(where))).pid === process.pid, kind === 'thread')
    })

    test('is cancelled nevertheless', async (t) => {
      const { background, until } = bench(t, { tasks: [spins], abandonAfter: '50ms' })
      const { id } = await background.add(spins)
      await until('attempt:progress', id)
      await background.cancel(id)
      assert.equal((await until('attempt:end', id)).state, 'cancelled')
    })

    test('holds no shutdown up: it is handed back, and ends', async (t) => {
      const { background, until } = bench(t, { tasks: [spins] })
      const { id } = await background.add(spins)
      await until('attempt:progress', id)
      const account = await background.stop({ grace: '50ms' })
      assert.deepEqual([account.handedBack, account.abandoned.map((facts) => facts.id)], [[id], [id]])
    })
  })
}
