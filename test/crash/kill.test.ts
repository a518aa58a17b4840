/**
 * What a client was told is kept, is kept. Real HTTP servers share one file under load, and are killed at random moments,
 * one or all of them, also while they start. The acknowledgements are counted outside of them; the tasks leave their
 * marks in a file that no process can take back. `AFTERWORD_SEED` repeats the moments, `AFTERWORD_KILLS` makes it longer:
 *
 *     AFTERWORD_KILLS=300 node --test test/crash/kill.test.ts
 */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { seededChance } from '../../proof/support/chance.ts'
import { bench, databaseFile, folder, later } from '../support/bench.ts'
import { note } from '../support/definitions.ts'
import { turn } from '../support/fake-clock.ts'
import { startProgram } from '../support/start-program.ts'

const KILLS = Number(process.env['AFTERWORD_KILLS'] ?? 20)
const SEED = Number(process.env['AFTERWORD_SEED'] ?? randomInt(2 ** 31))
const SERVERS = 2
const CLIENTS = 4

interface Slot {
  readonly child: ChildProcess
  /** Undefined while it starts. */
  port: number | undefined
}

/** Servers on one file: each that is killed is started again. */
class Cluster {
  readonly #file: string
  readonly #notes: string
  readonly #slots: Slot[] = []
  #waiting: (() => void)[] = []

  constructor(t: TestContext, file: string, notes: string) {
    this.#file = file
    this.#notes = notes
    for (let slot = 0; slot < SERVERS; slot++) this.#start(slot)
    later(t).defer(() => this.#slots.forEach(({ child }) => child.kill('SIGKILL')))
  }

  /** The port of a server that is up, waiting for one when none is. */
  async port(pick: (n: number) => number): Promise<number> {
    for (;;) {
      const ports = this.#slots.flatMap(({ port }) => port ?? [])
      if (ports.length > 0) return ports[pick(ports.length)]!
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  kill(slot: number): void {
    this.#slots[slot]!.child.kill('SIGKILL')
    this.#start(slot)
  }

  /** Lets all of them start and stop in order; gives their exit codes. */
  async stop(): Promise<(number | null)[]> {
    return Promise.all(
      this.#slots.map(async (slot) => {
        const exited = once(slot.child, 'exit')
        if (slot.port === undefined) await once(slot.child, 'message')
        slot.child.kill('SIGTERM')
        const [code] = (await exited) as [number | null]
        return code
      }),
    )
  }

  #start(slot: number): void {
    const child = startProgram(join(import.meta.dirname, 'children', 'acknowledging-server.ts'), [
      this.#file,
      this.#notes,
    ])
    const entry: Slot = { child, port: undefined }
    this.#slots[slot] = entry
    child.once('message', (port) => {
      entry.port = Number(port)
      for (const resolve of this.#waiting.splice(0)) resolve()
    })
  }
}

/** Clients that send one request after another, and note what was acknowledged. */
class Clients {
  readonly acknowledged = new Map<number, readonly string[]>()
  sent = 0
  #over = false
  #waiting: { readonly at: number; readonly resolve: () => void }[] = []

  async run(cluster: Cluster, pick: (n: number) => number): Promise<void> {
    while (!this.#over) {
      const port = await cluster.port(pick)
      const n = this.sent++
      try {
        const answer = await fetch(`http://127.0.0.1:${port}/${n}`, { method: 'POST' })
        // The head is the promise; whether the body follows does not matter.
        if (answer.status === 201) this.#acknowledge(n, answer.headers.get('x-tasks')!.split(','))
        await answer.text()
      } catch {
        // Killed before it answered: kept or not, nobody was told.
        await turn()
      }
    }
  }

  /** Resolves with so many more acknowledgements. */
  async more(count: number): Promise<void> {
    const at = this.acknowledged.size + count
    await new Promise<void>((resolve) => this.#waiting.push({ at, resolve }))
  }

  stop(): void {
    this.#over = true
  }

  #acknowledge(n: number, ids: readonly string[]): void {
    this.acknowledged.set(n, ids)
    for (const { at, resolve } of this.#waiting) if (this.acknowledged.size >= at) resolve()
    this.#waiting = this.#waiting.filter(({ at }) => this.acknowledged.size < at)
  }
}

/** The marks that the tasks left: for each request the steps that ran, in their order. */
function marksOf(notes: string): Map<number, number[]> {
  const marks = new Map<number, number[]>()
  const lines = existsSync(notes) ? readFileSync(notes, 'utf8').split('\n').slice(0, -1) : []
  for (const line of lines) {
    const [n = NaN, step = NaN] = line.split(':').map(Number)
    marks.set(n, [...(marks.get(n) ?? []), step])
  }
  return marks
}

const timeout = 60_000 + KILLS * 3_000
test('every acknowledged task runs, in its order, however often its processes are killed', { timeout }, async (t) => {
  t.diagnostic(`AFTERWORD_SEED=${SEED} AFTERWORD_KILLS=${KILLS}`)
  const { below } = seededChance(SEED)
  const file = databaseFile(t)
  const notes = join(folder(t), 'notes')
  const cluster = new Cluster(t, file, notes)
  const clients = new Clients()
  const running = Array.from({ length: CLIENTS }, () => clients.run(cluster, below))
  for (let kills = 0; kills < KILLS;) {
    await clients.more(1 + below(50))
    for (let turns = below(20); turns > 0; turns--) await turn()
    const all = below(5) === 0
    for (const slot of all ? [0, 1] : [below(SERVERS)]) {
      cluster.kill(slot)
      kills++
    }
  }
  await clients.more(20)
  clients.stop()
  await Promise.all(running)
  assert.deepEqual(await cluster.stop(), [0, 0])

  const { background, until, events } = bench(t, { store: `sqlite:${file}`, tasks: [note] })
  await background.start()
  while ((await background.counts()).size > 0) await until('attempt:end')

  assert.deepEqual(events.all('task:unknown'), [])
  await background.stop()

  const marks = marksOf(notes)
  const ghosts = [...marks.keys()].filter((n) => !(n >= 0 && n < clients.sent))
  assert.deepEqual(ghosts, [], 'something ran that was never added')
  const disordered = [...marks].filter(([, steps]) => steps.some((step, at) => step < (steps[at - 1] ?? 0)))
  assert.deepEqual(disordered, [], 'the steps of a request ran out of order')
  const database = new DatabaseSync(file, { readOnly: true })
  const find = database.prepare('SELECT tasks.state, task.claims FROM task JOIN tasks USING (id) WHERE id = ?')
  for (const [n, ids] of clients.acknowledged) {
    for (const [step, id] of ids.entries()) {
      const { state, claims } = find.get(id) as { state: string; claims: number }
      assert.equal(state, 'succeeded', `task ${id} of request ${n}, which was acknowledged, has not succeeded`)
      const ran = marks.get(n)?.filter((each) => each === step).length ?? 0
      assert.equal(ran >= 1 && ran <= claims, true, `task ${id} was claimed ${claims} times and ran ${ran} times`)
    }
  }
  assert.deepEqual({ ...database.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
  assert.deepEqual({ ...database.prepare('SELECT live, waiting FROM counter').get() }, { live: 0, waiting: 0 })
  database.close()
  t.diagnostic(`${clients.acknowledged.size} of ${clients.sent} requests acknowledged, ${marks.size} left marks`)
})
