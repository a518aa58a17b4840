/**
 * The contract that the benchmarks rely on, tried on every driver whose packages and server are here: a driver that counts
 * wrong would make its library look better, or worse, than it is.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { OURS, packagesMissing, PEERS, SERVER_FLOORS } from '../../bench/contenders.ts'
import { type Driver, type Place, taskInput } from '../../bench/peer.ts'
import { findPostgres, startRedis } from '../../bench/servers.ts'

const drivers = [...Object.values(OURS), ...PEERS, ...SERVER_FLOORS]
const installed = drivers.filter((driver) => packagesMissing(driver) === undefined)
const needed = new Set(installed.map(({ needs }) => needs))
const redis = needed.has('redis') ? await startRedis() : 'nobody needs it'
const postgres = needed.has('postgres') ? await findPostgres() : new Error('nobody needs it')
const folder = mkdtempSync(join(tmpdir(), 'afterword-drivers-'))
let made = 0

after(async () => {
  if (typeof redis !== 'string') await redis.stop()
  rmSync(folder, { recursive: true, force: true })
})

function reasonToSkip(driver: Driver): string | false {
  if (driver.needs === 'redis' && typeof redis === 'string') return redis
  if (driver.needs === 'postgres' && postgres instanceof Error) return postgres.message
  return packagesMissing(driver) ?? false
}

function newPlace(): Place {
  return {
    folder: mkdtempSync(join(folder, 'place-')),
    name: `afterword_test_${process.pid}_${++made}`,
    redisPort: typeof redis === 'string' ? 0 : redis.port,
    postgres: typeof postgres === 'string' ? postgres : '',
  }
}

/** Bounded, so that a task which never runs is a failure and no hang. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 1_000_000 && !(await isSo()); looks++) await new Promise(setImmediate)
}

for (const driver of drivers) {
  describe(`the driver of ${driver.name}`, { skip: reasonToSkip(driver) }, () => {
    test('stores what is added, names it, runs it once, and then has nothing left', async () => {
      const place = newPlace()
      await driver.prepare(place)
      const adder = await driver.open(place)
      await adder.add(taskInput(1))
      const more = [taskInput(2), taskInput(3)]
      await adder.addMany(more)
      assert.equal(await adder.left(), 3)
      await adder.close()
      assert.deepEqual(new Set(await driver.stored(place)), new Set([1, 2, 3]))

      const worker = await driver.open(place)
      const ran: number[] = []
      await worker.work(async ({ n }) => void ran.push(n))
      await worker.add(taskInput(4))
      await until(() => ran.length >= 4)
      await until(async () => (await worker.left()) === 0)
      assert.equal(await worker.left(), 0)
      await worker.close()
      assert.equal(ran.length, 4)
      assert.deepEqual(new Set(ran), new Set([1, 2, 3, 4]))
      assert.deepEqual(await driver.stored(place), [])
      await driver.clear(place)
    })
  })
}
