import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FAULTS, planFaults } from '../../proof/crash/faults.ts'
import { transfersOf } from '../../proof/crash/ledger/plan.ts'
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
    assert.ok(typeof options !== 'string' && 'settings' in options)
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

describe('the options of `npm run crash -- --plan ledger`', () => {
  const ledger = (...args: string[]) => {
    const options = read('--plan', 'ledger', ...args)
    assert.ok(typeof options !== 'string' && 'ledger' in options)
    return options.ledger
  }

  test('are 21,500 transfers and 40 kills, the accounts in the store, when nothing is given', () => {
    const { tasks, kills, seconds, data, servers, seed } = ledger()
    const expected = { tasks: 21_500, kills: 40, seconds: undefined, data: 'store', servers: 3, seed: 7 }
    assert.deepEqual({ tasks, kills, seconds, data, servers, seed }, expected)
  })

  test('bound the run by all that is given, and spread its kills over its transfers', () => {
    const { tasks, kills, seconds, data, tasksBetween } = ledger(
      '--transfers',
      '1000',
      '--kills',
      '10',
      '--data',
      'other',
    )
    assert.deepEqual({ tasks, kills, seconds, data }, { tasks: 1_000, kills: 10, seconds: undefined, data: 'other' })
    assert.equal(tasksBetween, 70)
    assert.deepEqual(ledger('--seconds', '5').tasks, undefined)
  })

  test('are those of its plan when a plant belongs to it', () => {
    const options = read('--plant', 'outcome-row-apart')
    assert.ok(typeof options !== 'string' && 'ledger' in options)
    assert.equal(options.ledger.data, 'other')
    assert.deepEqual(options.ledger.faults, ['kill when committed'])
  })

  test('are refused where they belong to the other plan', () => {
    assert.match(refusal('--plan', 'bank'), /^--plan takes one of tasks, ledger, got "bank"\. Usage: .+$/)
    assert.match(refusal('--plan', 'ledger', '--tasks', '5'), /^--tasks is no option of the plan ledger\./)
    assert.match(refusal('--transfers', '5'), /^--transfers is no option of the plan tasks\./)
    assert.match(refusal('--data', 'other'), /^--data is no option of the plan tasks\./)
    assert.match(refusal('--plan', 'ledger', '--data', 'x'), /^--data takes one of store, other, postgres, got "x"\./)
    assert.match(
      refusal('--plan', 'ledger', '--plant', 'no-rescue'),
      /^--plant no-rescue is a fault of the plan tasks,/,
    )
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

  test('decides what is asked of a ledger, in which every kind of trouble is met', () => {
    const asked = (seed: number) => Array.from({ length: 400 }, (_, n) => transfersOf(seed, n))
    assert.deepEqual(asked(1), asked(1))
    assert.notDeepEqual(asked(1), asked(2))
    const transfers = asked(1).flat()
    const met = new Set<string>(transfers.flatMap(({ behaviour, followUp }) => [behaviour, followUp]))
    const expected = 'cancels-itself,clings,fee,gives-up,hangs,none,notice,plain,throws,throws-midway,writes-late'
    assert.deepEqual([...met].toSorted().join(), expected)
    assert.ok(transfers.every(({ payer, payee }) => payer !== payee))
    for (const isMet of ['cancelled', 'thinkMs', 'dawdleMs', 'id', 'parallel'] as const) {
      assert.ok(transfers.some((transfer) => Boolean(transfer[isMet])))
    }
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
