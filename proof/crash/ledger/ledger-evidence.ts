/** The record of a run of the ledger, indexed for its checkers: what clients were told, what the store says, what the books say. */
import { DatabaseSync } from 'node:sqlite'
import type { Line } from '../history.ts'
import type { Books, Data, Entry } from './bank.ts'
import type { FollowUp, PlannedTransfer } from './plan.ts'

/** A task of the ledger as the run left it in the store. */
export interface LedgerTask {
  readonly id: string
  readonly kind: 'transfer' | FollowUp
  readonly n: number
  readonly step: number
  readonly state: string
  /** How often a worker died while it ran it. One whose cancel had been asked for counts none. */
  readonly crashes: number
  /** The task of its transfer, when it follows one. */
  readonly transfer: string
}

/** What an evidence is made of. */
export interface LedgerRecord {
  readonly lines: readonly Line[]
  readonly tasks: readonly LedgerTask[]
  readonly books: Books
  readonly data: Data
  transfersOf(this: void, n: number): readonly PlannedTransfer[]
}

/** See the top of the file. */
export class LedgerEvidence {
  readonly record: LedgerRecord
  readonly tasks: ReadonlyMap<string, LedgerTask>
  /** Ids of transfers that were acknowledged, with what was asked for. */
  readonly acknowledged: ReadonlyMap<string, PlannedTransfer>
  /** The entries that a task has made, by its id. */
  readonly byTask: ReadonlyMap<string, readonly Entry[]>
  /** The tasks that follow a transfer, by its id. */
  readonly followers: ReadonlyMap<string, readonly LedgerTask[]>

  /** Tasks of which an attempt had begun whose worker was killed, or declared dead, before its end was recorded. */
  readonly cut: ReadonlySet<string>

  constructor(record: LedgerRecord) {
    this.record = record
    this.tasks = new Map(record.tasks.map((task) => [task.id, task]))
    this.acknowledged = acknowledged(record)
    this.byTask = Map.groupBy(record.books.entries, ({ task }) => task)
    this.followers = Map.groupBy(
      record.tasks.filter(({ kind }) => kind !== 'transfer'),
      ({ transfer }) => transfer,
    )
    this.cut = cutShort(record.lines)
  }

  /** What was asked for by the request of a task. */
  plannedOf({ n, step }: Pick<LedgerTask, 'n' | 'step'>): PlannedTransfer | undefined {
    return this.record.transfersOf(n)[step]
  }

  entriesOf(task: string): readonly Entry[] {
    return this.byTask.get(task) ?? []
  }
}

function acknowledged({ lines, transfersOf }: LedgerRecord): ReadonlyMap<string, PlannedTransfer> {
  const found = new Map<string, PlannedTransfer>()
  for (const line of lines) {
    if (line.what !== 'kept') continue
    for (const planned of transfersOf(line.n)) {
      found.set(line.ids[planned.step] ?? `${line.n}:${planned.step}, which the answer does not name`, planned)
    }
  }
  return found
}

function cutShort(lines: readonly Line[]): ReadonlySet<string> {
  const cut = new Set<string>()
  /** What each worker is running, and where it lives; a worker that was declared dead may begin what it does not hold. */
  const running = new Map<number, { readonly server: number; readonly ids: Set<string>; isDead: boolean }>()
  const end = (isOver: (worker: number, server: number) => boolean): void => {
    for (const [worker, life] of running) {
      if (!isOver(worker, life.server)) continue
      life.isDead = true
      for (const id of life.ids) cut.add(id)
    }
  }
  for (const line of lines) {
    if (line.what === 'registered') running.set(line.worker, { server: line.server, ids: new Set(), isDead: false })
    if (line.what === 'recorded') running.get(line.worker)?.ids.delete(line.id)
    if (line.what === 'rescued') end((worker) => worker === line.worker)
    if (line.what === 'kill' || line.what === 'exit') end((_, server) => server === line.server)
    if (line.what !== 'begin') continue
    const life = running.get(line.worker)
    life?.ids.add(line.id)
    if (life?.isDead === true) cut.add(line.id)
  }
  return cut
}

/** The tasks of the ledger in the store, once nobody has it open any more. */
export function readLedgerTasks(file: string): readonly LedgerTask[] {
  using database = new DatabaseSync(file, { readOnly: true })
  const rows = database
    .prepare(
      `SELECT id, s.name AS state, k.name AS name, crashes, input FROM afterword_task AS t
       JOIN afterword_task_state AS s ON s.code = t.state JOIN afterword_kind AS k ON k.code = t.kind`,
    )
    .all() as { id: string; state: string; name: string; crashes: number; input: string }[]
  return rows.map(({ name, input, ...row }) => {
    const { n, step, transfer } = JSON.parse(input) as { n: number; step: number; transfer?: string }
    const kind = name === 'fee' || name === 'notice' ? name : 'transfer'
    return { ...row, kind, n, step, transfer: transfer ?? row.id }
  })
}
