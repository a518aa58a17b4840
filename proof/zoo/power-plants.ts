import type { Plant } from './plant.ts'

const WAL_SYNC = 'src/stores/sqlite/wal-sync.ts'
const STORE = 'src/stores/sqlite/sqlite-store.ts'

/** The faults that the lane `power` has to find. */
export const POWER_PLANTS: readonly Plant[] = [
  {
    name: 'no-sync',
    says: 'The log is never synced; what is acknowledged is in the page cache only.',
    seenIn: 'synchronous=NORMAL, the default of an SQLite driver (reliability.md E1)',
    lane: 'power',
    edits: [
      {
        file: WAL_SYNC,
        find: '        fdatasyncSync(this.#fd)\n      } catch (error) {',
        replace: '      } catch (error) {',
      },
      { file: WAL_SYNC, find: 'fdatasync(this.#fd, (error) => {', replace: 'setImmediate((error?: Error) => {' },
    ],
  },
  {
    name: 'acknowledge-before-sync',
    says: 'A group is acknowledged when its sync has begun, not when it has ended.',
    seenIn: 'NATS JetStream 2.12.1, which acknowledged what it flushed up to two minutes later',
    lane: 'power',
    edits: [
      {
        file: WAL_SYNC,
        find: 'fdatasync(this.#fd, (error) => {',
        replace: 'group.resolve()\n    fdatasync(this.#fd, (error) => {',
      },
    ],
  },
  {
    name: 'share-the-sync-under-way',
    says: 'A group that is committed while a sync is under way is acknowledged with that sync, which began before it.',
    seenIn: 'a group commit that forgets when its sync began',
    lane: 'power',
    edits: [
      {
        file: WAL_SYNC,
        find: 'const group = this.#next!\n    this.#next = undefined',
        replace: 'const group = this.#next!',
      },
      {
        file: WAL_SYNC,
        find: 'this.#running = false\n      if (error)',
        replace: 'this.#running = false\n      this.#next = undefined\n      if (error)',
      },
    ],
  },
  {
    name: 'sync-before-commit',
    says: 'The sync runs before the transaction that it is to make durable.',
    seenIn: 'write-ahead logs that flush in the wrong order',
    lane: 'power',
    edits: [
      {
        file: STORE,
        find: 'return db.transactThen(',
        replace: "const early = batch.durability === 'power' ? wal?.sync() : undefined\n    return db.transactThen(",
      },
      {
        file: STORE,
        find: "const durable = batch.durability === 'power' ? wal?.sync() : undefined",
        replace: 'const durable = early',
      },
    ],
  },
  {
    name: 'power-as-process',
    says: 'The stronger durability is kept no better than the weaker one.',
    seenIn: 'buffered acknowledgements; Faktory loses 30 to 120 s of them',
    lane: 'power',
    edits: [
      { file: STORE, find: "batch.durability === 'power' ?", replace: "batch.durability === ('never' as string) ?" },
    ],
  },
  {
    name: 'retry-after-sync-error',
    says: 'A sync that failed is tried again, and succeeds without the pages that the first one lost.',
    seenIn: 'fsync failures, ATC 2020; F10',
    lane: 'power',
    edits: [
      { file: WAL_SYNC, find: '        throw this.#fail(error)', replace: '        fdatasyncSync(this.#fd)' },
      {
        file: WAL_SYNC,
        find: 'if (error) this.#refuse(group, this.#fail(error))',
        replace:
          'if (error) {\n        this.#next ??= group\n        group.resolve(this.#next === group ? undefined : this.#next.promise)\n      }',
      },
    ],
  },
  {
    name: 'folder-not-synced',
    says: 'The folder that is made for the database is not synced into the one above it.',
    seenIn: 'this project, until the lane was there',
    lane: 'power',
    edits: [
      {
        file: 'src/stores/sqlite/file-checks.ts',
        find: 'if (!exists) await syncFolders(dirname(folder), dirname(made ?? folder))',
        replace: 'void made',
      },
    ],
  },
  {
    name: 'retire-with-claims',
    says: 'A worker that could not hand its tasks back takes its row away, and nobody rescues them.',
    seenIn: 'this project, until the lane was there',
    lane: 'power',
    edits: [
      { file: 'src/engine/worker.ts', find: 'leave(handedBack === undefined)', replace: 'leave(false)' },
      {
        file: 'src/stores/sqlite/statements.ts',
        find: 'SELECT 1 FROM afterword_task AS t INDEXED BY afterword_task_running WHERE state = 1 AND t.worker = afterword_worker.incarnation',
        replace: 'SELECT 1 WHERE 0',
      },
    ],
  },
]
