import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FAULTS, planFaults } from '../../proof/crash/faults.ts'
import { readOptions } from '../../proof/crash/options.ts'
import { planOf } from '../../proof/crash/workload.ts'
import { seededChance } from '../../proof/support/chance.ts'

const read = (...args: string[]) => readOptions(args, () => 7)
/** The one line that refuses these arguments. */
const refusal = (...args: string[]): string => {
  const options = read(...args)
  return typeof options === 'string' ? options : ''
}
const UNBOUNDED = { tasks: undefined, kills: undefined, seconds: undefined }

describe('the options of `npm run crash`', () => {
  test('are twenty seconds with two servers and a fresh seed, when nothing is given', () => {
    assert.deepEqual(read(), { json: false, settings: { ...UNBOUNDED, seconds: 20, seed: 7, servers: 2 } })
  })

  test('bound the run by all that is given, and by nothing else', () => {
    assert.deepEqual(read('--tasks', '500', '--kills', '30', '--seed', '1', '--servers', '3', '--json'), {
      json: true,
      settings: { ...UNBOUNDED, tasks: 500, kills: 30, seed: 1, servers: 3 },
    })
  })

  test('give a plant the faults that bring it out', () => {
    const options = read('--plant', 'no-rescue')
    assert.ok(typeof options !== 'string')
    assert.equal(options.settings.plant, 'no-rescue')
    assert.deepEqual(options.settings.faults, ['kill one'])
  })

  test('are refused in one line that says what was given', () => {
    assert.match(refusal('--kills', '1.5'), /^--kills takes an integer from 1 to 1000000, got "1\.5"\. Usage: .+$/)
    assert.match(refusal('--servers', '1'), /^--servers takes an integer from 2 to 16, got "1"\./)
    assert.match(refusal('--seed', '-1'), /--seed/)
    assert.match(refusal('--task', '5'), /^Unknown option '--task'.+$/)
    assert.match(refusal('5'), /^Unexpected argument '5'.+$/)
    assert.match(refusal('--plant', 'x'), /^--plant names no fault of this lane: got "x", expected one of drop-commit,/)
  })

  test('end the command with code 2 when they are wrong', () => {
    const main = join(import.meta.dirname, '../../proof/crash/main.ts')
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, '--kills', 'many'], { encoding: 'utf8' })
    assert.deepEqual({ status, stdout }, { status: 2, stdout: '' })
    assert.match(stderr, /^--kills takes an integer .+\n$/)
  })
})

describe('a seed', () => {
  test('decides the faults and what the requests ask for', () => {
    const faults = (seed: number) => [...planFaults(seededChance(seed), FAULTS, 3, { min: 0, max: 300 }).take(60)]
    assert.deepEqual(faults(1), faults(1))
    assert.notDeepEqual(faults(1), faults(2))
    assert.deepEqual(new Set(faults(1).map(({ name }) => name)), new Set(FAULTS))
    const requests = (seed: number) => Array.from({ length: 200 }, (_, n) => planOf(seed, n))
    assert.deepEqual(requests(1), requests(1))
    assert.notDeepEqual(requests(1), requests(2))
  })

  test('brings every kind of task within a few hundred requests', () => {
    const tasks = Array.from({ length: 500 }, (_, n) => planOf(1, n)).flat()
    const kinds = new Set(
      tasks.flatMap(({ behaviour, durability, queue, parallel, id, delayMs, ms }) => [
        behaviour,
        durability,
        queue,
        ...(parallel ? ['parallel'] : []),
        ...(id === undefined ? [] : ['own id']),
        ...(delayMs === undefined ? [] : ['delayed']),
        ...(ms >= 100 ? ['long'] : []),
      ]),
    )
    assert.deepEqual(
      [...kinds].toSorted(),
      'default,delayed,gives-up,long,mail,own id,parallel,plain,power,process,reports,throws-first'.split(','),
    )
  })
})
