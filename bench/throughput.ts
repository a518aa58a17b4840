import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type BackgroundOptions, createBackground, defineTask } from 'afterword'
import { median, ratios, type Report } from './report.ts'

/** Adders at work at once; the floor writes groups of the same size. */
const AT_ONCE = 256
const INPUT = { to: 'someone@example.org', template: 'welcome', userId: 12 }

/**
 * End to end tasks/s of one process (add, commit, run, finish) against the least that could do it: the same rows
 * inserted and deleted in groups through `node:sqlite` at the same durability, and nothing else.
 */
export async function benchThroughput({ rounds, seconds }: { rounds: number; seconds: number }): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'afterword-bench-'))
  const [floor, forgetful, keeping]: number[][] = [[], [], []]
  const wrong: string[] = []
  for (let round = -1; round < rounds; round++) {
    const ms = (round < 0 ? 0.5 : seconds) * 1000
    const results = [
      measureFloor(join(folder, `floor-${round}.db`), ms),
      await measureTasks(join(folder, `forgetful-${round}.db`), ms, { retention: { succeeded: 0 } }, wrong),
      await measureTasks(join(folder, `keeping-${round}.db`), ms, {}, wrong),
    ] as const
    if (round < 0) continue
    floor!.push(results[0])
    forgetful!.push(results[1])
    keeping!.push(results[2])
  }
  rmSync(folder, { recursive: true, force: true })
  return {
    name: 'throughput',
    wrong,
    table: [
      { what: 'floor: insert + delete, groups of 256, synchronous=FULL', 'tasks/s': Math.round(median(floor!)) },
      { what: 'afterword, power, finished tasks removed', 'tasks/s': Math.round(median(forgetful!)) },
      { what: 'afterword, power, finished tasks kept (default)', 'tasks/s': Math.round(median(keeping!)) },
    ],
    figures: [
      {
        key: 'throughput.sqlite_vs_floor',
        says: 'to the floor',
        rounds: ratios(forgetful!, floor!),
        atLeast: 0.4,
        goal: 0.7,
      },
      {
        key: 'throughput.sqlite_keeping_vs_floor',
        says: 'with history',
        rounds: ratios(keeping!, floor!),
        atLeast: 0.4,
        goal: 0.7,
      },
    ],
  }
}

function measureFloor(file: string, ms: number): number {
  const db = new DatabaseSync(file)
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384')
  db.exec(
    'CREATE TABLE task (id INTEGER PRIMARY KEY, name TEXT NOT NULL, state INTEGER NOT NULL, input TEXT NOT NULL) STRICT',
  )
  const [begin, commit] = [db.prepare('BEGIN IMMEDIATE'), db.prepare('COMMIT')]
  const insert = db.prepare('INSERT INTO task (id, name, state, input) VALUES (?, ?, ?, ?)')
  const remove = db.prepare('DELETE FROM task WHERE id = ?')
  const begun = performance.now()
  let id = 0
  let done = 0
  while (performance.now() - begun < ms) {
    begin.run()
    const first = id
    for (let i = 0; i < AT_ONCE; i++) insert.run(++id, 'send-welcome', 1, JSON.stringify(INPUT))
    for (; done < first;) remove.run(++done)
    commit.run()
  }
  const perSecond = done / ((performance.now() - begun) / 1000)
  db.close()
  return perSecond
}

async function measureTasks(file: string, ms: number, options: BackgroundOptions, wrong: string[]): Promise<number> {
  let ran = 0
  let added = 0
  const sendWelcome = defineTask({
    name: 'send-welcome',
    run: async (_: typeof INPUT) => {
      ran++
    },
  })
  const background = createBackground({ ...options, store: `sqlite:${file}`, tasks: [sendWelcome] })
  await background.start()
  const begun = performance.now()
  const adder = async (): Promise<void> => {
    while (performance.now() - begun < ms) {
      await background.add(sendWelcome, INPUT)
      added++
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, adder))
  // What was added last has to run and be stored as well: it counts only with its end.
  await background.stop({ grace: '10s' })
  const perSecond = ran / ((performance.now() - begun) / 1000)
  const left = createBackground({ store: `sqlite:${file}`, tasks: [], works: false })
  const unfinished = [...(await left.counts()).values()].reduce(
    (sum, counts) => sum + counts.ready + counts.running + counts.waiting,
    0,
  )
  await left.stop()
  if (ran + unfinished !== added) wrong.push(`${added} tasks acknowledged, ${ran} ran, ${unfinished} wait`)
  return perSecond
}
