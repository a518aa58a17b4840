/** The command itself, on the smallest amount of work: that it counts right and ends with what machines read. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readArguments, USAGE } from '../../bench/arguments.ts'
import { BENCH_NAMES } from '../../bench/figures.ts'

interface Outcome {
  readonly code: number
  readonly output: string
  readonly errors: string
}

async function bench(...args: readonly string[]): Promise<Outcome> {
  const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], output, errors] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { code: Number(code), output, errors }
}

async function measured(name: string): Promise<Readonly<Record<string, unknown>>> {
  const { code, output, errors } = await bench(name, '--json', '--no-peers', '--rounds', '1', '--seconds', '0.05')
  assert.equal(code, 0, `${errors}${output}`)
  return JSON.parse(output.trimEnd().split('\n').at(-1)!) as Readonly<Record<string, unknown>>
}

describe('npm run bench', { concurrency: true }, () => {
  test('http ends with its figures, and counts no task wrong', async () => {
    const json = await measured('http')
    for (const key of ['durable_vs_none', 'durable_vs_volatile', 'attached_vs_bare']) {
      assert.ok(Number(json[`http.${key}`]) > 0, key)
      assert.ok(Number(json[`http.${key}.cpu`]) > 0, `${key} by CPU`)
    }
    assert.deepEqual(json['wrong'], [])
    const skipped = json['skipped'] as { readonly what: string; readonly reason: string }[]
    assert.deepEqual(
      ['bullmq', 'pg-boss', 'graphile-worker', 'plainjob', 'sidequest', 'FastAPI'].filter(
        (peer) => !skipped.some(({ what, reason }) => what === peer && reason !== ''),
      ),
      [],
      'whoever was left out is named, with the reason',
    )
    assert.equal(json['http.vs_best_peer'], null)
  })

  test('throughput ends with its figures, and counts no task wrong', async () => {
    const json = await measured('throughput')
    assert.ok(Number(json['throughput.sqlite_vs_floor']) > 0)
    assert.equal(json['throughput.sqlite_vs_best_peer'], null)
    assert.deepEqual(json['wrong'], [])
  })

  test('blocking ends with its figures, and no task or request failed', async () => {
    const json = await measured('blocking')
    for (const key of ['thread_p99_ratio', 'process_p99_ratio', 'loop_p99_ratio', 'control']) {
      assert.ok(Number(json[`blocking.${key}`]) > 0, key)
    }
    assert.deepEqual(json['wrong'], [])
  })

  test('pulse ends with its figures, and no request failed', async () => {
    const json = await measured('pulse')
    for (const key of ['watched_vs_unwatched', 'control']) assert.ok(Number(json[`pulse.${key}`]) > 0, key)
    assert.deepEqual(json['wrong'], [])
  })

  test('session ends with its figures, and each attempt has left one row', async () => {
    const json = await measured('session')
    for (const key of ['overhead', 'overhead_once', 'file_overhead', 'file_overhead_once', 'overhead_control']) {
      assert.ok(Number(json[`session.${key}`]) > 0, key)
    }
    assert.deepEqual(json['wrong'], [])
    assert.deepEqual(json['skipped'], [{ what: 'sessions in Postgres', reason: 'left out by --no-peers' }])
  })

  test('says what is wrong with its arguments and exits with 2', async () => {
    const { code, errors } = await bench('http', '--rounds', '0')
    assert.equal(code, 2)
    assert.equal(errors, `--rounds must be an integer from 1, got 0.\n${USAGE}\n`)
  })
})

describe('the arguments of npm run bench', () => {
  test('name one benchmark, or all of them', () => {
    assert.deepEqual(readArguments(['idle', '--json']), {
      names: ['idle'],
      json: true,
      save: false,
      peers: true,
      rounds: undefined,
      seconds: undefined,
    })
    const all = readArguments(['all', '--no-peers', '--rounds', '2', '--seconds', '0.5', '--save'])
    assert.deepEqual(all, { names: BENCH_NAMES, json: false, save: true, peers: false, rounds: 2, seconds: 0.5 })
  })

  test('are refused with what was received', () => {
    const refusal = (...args: readonly string[]): unknown => readArguments(args)
    assert.equal(refusal(), 'Name one benchmark, or all: got none.')
    assert.equal(refusal('htp'), 'Name one benchmark, or all: got htp.')
    assert.equal(refusal('http', 'idle'), 'Name one benchmark, or all: got http idle.')
    assert.equal(refusal('http', '--rounds', '1.5'), '--rounds must be an integer from 1, got 1.5.')
    assert.equal(refusal('http', '--seconds', 'x'), '--seconds must be from 0.05 to 600, got x.')
    assert.match(String(refusal('http', '--fast')), /--fast/)
  })
})
