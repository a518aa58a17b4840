/**
 * Random walks of operations against the plain model of the conformance suite, here with a generator that makes a walk
 * that fails smaller. The checker is tried as well: on stores with one planted fault each, which it has to find.
 */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { array, assert as assertProperty, asyncProperty, check, nat, sample } from 'fast-check'
import type { Incarnation, Instant, TaskId } from '../../src/model/task.ts'
import type { CancelAnswer, Rescued, WriteBatch, Written } from '../../src/ports/store.ts'
import { systemChance as chance, systemClock as clock } from '../../src/ports/system.ts'
import { type Step, walk } from '../../src/stores/conformance/walk.ts'
import { World } from '../../src/stores/conformance/world.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { databaseFile } from '../support/bench.ts'

const CAN = { shared: false, persistent: false }
const STEP = array(nat(999), { maxLength: 24, size: 'max' })
const WALK = array(STEP, { maxLength: 60, size: 'max' })

function tryWalk(steps: readonly Step[], store: () => SqliteStore): Promise<void> {
  return World.use({ store, remove() {} }, CAN, (world) => walk(world, steps))
}

const parts = { clock, chance }

class ForgetsReleases extends SqliteStore {
  override async write(batch: WriteBatch, now: Instant): Promise<Written> {
    const written = await super.write(batch, now)
    return { ...written, released: [] }
  }
}

class TakesEveryOutcome extends SqliteStore {
  override async write(batch: WriteBatch, now: Instant): Promise<Written> {
    const written = await super.write(batch, now)
    return { ...written, recorded: written.recorded.map(() => true) }
  }
}

class LosesAnAdd extends SqliteStore {
  override write(batch: WriteBatch, now: Instant): Promise<Written> {
    return super.write({ ...batch, adds: batch.adds.filter((task) => task.priority <= 0) }, now)
  }
}

class CancelsWhatRuns extends SqliteStore {
  override async cancel(id: TaskId, now: Instant): Promise<CancelAnswer> {
    const answer = await super.cancel(id, now)
    return answer.kind === 'requested' ? { kind: 'cancelled' } : answer
  }
}

class RescuesHalf extends SqliteStore {
  override async rescue(dead: Incarnation): Promise<Rescued> {
    await this.retire(dead)
    return { requeued: [], quarantined: [], ready: new Set() }
  }
}

class RequeuesWithoutAWord extends SqliteStore {
  override async requeue(id: TaskId): Promise<boolean> {
    await super.requeue(id)
    return false
  }
}

const FAULTY = [
  ForgetsReleases,
  TakesEveryOutcome,
  LosesAnAdd,
  CancelsWhatRuns,
  RescuesHalf,
  RequeuesWithoutAWord,
] as const

describe('random walks', () => {
  test('every store answer and every task is what the plain model says', async () => {
    const holds = asyncProperty(WALK, (steps) => tryWalk(steps, () => new SqliteStore(undefined, parts)))
    await assertProperty(holds, { seed: 20_260_101, numRuns: 60 })
  })

  test('leave the counters of the file at what a recount gives', async (t) => {
    const walks = sample(WALK, { seed: 7, numRuns: 8 })
    for (const [i, steps] of walks.entries()) {
      const file = databaseFile(t).replace('tasks', `tasks-${i}`)
      const store = (): SqliteStore => new SqliteStore(file, { ...parts, sync: 'async' })
      await World.use({ store, remove() {} }, { shared: true, persistent: true }, (world) => walk(world, steps))
      const db = new DatabaseSync(file)
      const recount =
        'SELECT count(*) FILTER (WHERE state < 4) AS live, count(*) FILTER (WHERE state = 3) AS waiting FROM afterword_task'
      const [counted, kept] = [
        db.prepare(recount).get(),
        db.prepare('SELECT live, waiting FROM afterword_counter').get(),
      ]
      db.close()
      assert.deepEqual(kept, counted)
    }
  })

  for (const Faulty of FAULTY) {
    test(`a store that has the fault ${Faulty.name} is caught`, async () => {
      const holds = asyncProperty(WALK, (steps) => tryWalk(steps, () => new Faulty(undefined, parts)))
      const { failed } = await check(holds, { seed: 1, numRuns: 60, endOnFailure: true })
      assert.equal(failed, true)
    })
  }
})
