/**
 * The least that could do the job in SQLite: rows inserted and deleted in groups through `node:sqlite`, prepared statements, one
 * transaction for each group, and nothing else: no claims, no attempts, no promises. The row is as plain as it can be.
 */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { answer } from './child.ts'
import { taskInput } from './peer.ts'
import type { Ask, SliceResult } from './slice.ts'
import { cpuMicros } from './usage.ts'

/** How the process is started. */
export interface FloorSettings {
  readonly folder: string
  readonly synchronous: 'FULL' | 'NORMAL'
}

const { folder, synchronous } = JSON.parse(process.argv[2]!) as FloorSettings

function openFloor(file: string): DatabaseSync {
  const db = new DatabaseSync(file)
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA cache_size = -16384`)
  db.exec(
    'CREATE TABLE task (id INTEGER PRIMARY KEY, name TEXT NOT NULL, state INTEGER NOT NULL, input TEXT NOT NULL) STRICT',
  )
  return db
}

const INSERT = 'INSERT INTO task (id, name, state, input) VALUES (?, ?, ?, ?)'
const REMOVE = 'DELETE FROM task WHERE id = ?'

const db = openFloor(join(folder, 'floor.db'))
const begin = db.prepare('BEGIN IMMEDIATE')
const commit = db.prepare('COMMIT')
const insert = db.prepare(INSERT)
const remove = db.prepare(REMOVE)
let id = 0

/** Each group is inserted in one transaction and deleted in the next, as a task is added and finished. */
function steady(ms: number, group: number): SliceResult {
  const [begun, cpu, first] = [performance.now(), cpuMicros(), id]
  let ended = id
  let commits = 0
  for (let isOver = false; !isOver;) {
    isOver = performance.now() - begun >= ms
    const last = id
    begin.run()
    for (let i = 0; i < group && !isOver; i++) insert.run(++id, 'send-welcome', 1, JSON.stringify(taskInput(id)))
    while (ended < last) remove.run(++ended)
    commit.run()
    commits++
  }
  const lost = Number(db.prepare('SELECT count(*) AS count FROM task').get()!['count'])
  return {
    tasks: ended - first,
    ms: performance.now() - begun,
    cpuMicros: cpuMicros() - cpu,
    commits,
    lost,
    doubled: 0,
  }
}

/** Reads 500 rows, and deletes them in one transaction, until there are none. */
function drain(tasks: number): SliceResult {
  const db = openFloor(join(mkdtempSync(join(folder, 'drain-')), 'floor.db'))
  const insert = db.prepare(INSERT)
  db.exec('BEGIN')
  for (let n = 1; n <= tasks; n++) insert.run(n, 'send-welcome', 0, JSON.stringify(taskInput(n)))
  db.exec('COMMIT')
  const [next, remove] = [db.prepare('SELECT id, input FROM task ORDER BY id LIMIT 500'), db.prepare(REMOVE)]
  const [begun, cpu] = [performance.now(), cpuMicros()]
  let ran = 0
  for (let rows = next.all(); rows.length > 0; rows = next.all()) {
    db.exec('BEGIN IMMEDIATE')
    for (const row of rows) {
      JSON.parse(String(row['input']))
      remove.run(Number(row['id']))
      ran++
    }
    db.exec('COMMIT')
  }
  const result = { tasks: ran, ms: performance.now() - begun, cpuMicros: cpuMicros() - cpu, commits: 0, doubled: 0 }
  db.close()
  return { ...result, lost: tasks - ran }
}

answer(
  {},
  (ask: Ask) => {
    if (ask.do === 'steady') return steady(ask.ms, ask.adders)
    if (ask.do === 'drain') return drain(ask.tasks)
    throw new Error(`The floor cannot ${ask.do}.`)
  },
  () => db.close(),
)
