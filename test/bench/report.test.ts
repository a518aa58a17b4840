import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { BENCH_NAMES, keeps, TARGETS } from '../../bench/figures.ts'
import { below, type Report, toJson } from '../../bench/report.ts'

const KEYS = [
  'http.durable_vs_none',
  'http.durable_vs_volatile',
  'http.attached_vs_bare',
  'http.vs_best_peer',
  'http.vs_fastapi',
  'http.bystander_p99',
  'throughput.sqlite_vs_floor',
  'throughput.sqlite_vs_best_peer',
  'latency.same_process_p50_ms',
  'latency.other_process_p99_ms',
  'backlog.million_vs_ten_thousand',
  'idle.cpu_percent',
  'blocking.thread_p99_ratio',
  'pulse.watched_vs_unwatched',
  'session.overhead',
]

function report(fields: Partial<Report>): Report {
  return { bench: 'http', figures: [], tables: [], skipped: [], wrong: [], doubts: [], ...fields }
}

describe('the report of a benchmark', () => {
  test('knows every figure that SQLite has to reach, under the name of its benchmark', () => {
    assert.deepEqual(Object.keys(TARGETS), KEYS)
    for (const [key, { bench }] of Object.entries(TARGETS)) {
      assert.ok(BENCH_NAMES.includes(bench))
      assert.equal(key.split('.')[0], bench)
    }
  })

  test('has every key of a benchmark that ran: null where it could not be measured', () => {
    const json = toJson(BENCH_NAMES.map((bench) => report({ bench })))
    for (const key of KEYS) assert.equal(json[key], null, key)
    assert.equal('idle.cpu_percent' in toJson([report({})]), false)
  })

  test('gives the median under the key, with quartiles and range beside it', () => {
    const json = toJson([report({ figures: [{ key: 'http.vs_fastapi', says: '', rounds: [2, 1, 3, 5, 4] }] })])
    const got = ['', '.q1', '.q3', '.min', '.max'].map((suffix) => json[`http.vs_fastapi${suffix}`])
    assert.deepEqual(got, [3, 2, 4, 1, 5])
  })

  test('names the figures that are outside of their bounds, from above and from below', () => {
    const figures = (value: number): Report['figures'] => [
      { key: 'http.durable_vs_none', says: '', rounds: [value] },
      { key: 'http.bystander_p99', says: '', rounds: [value] },
      { key: 'http.without_a_bound', says: '', rounds: [value] },
    ]
    assert.deepEqual(below([report({ figures: figures(0.1) })]), ['http.durable_vs_none'])
    assert.deepEqual(below([report({ figures: figures(3) })]), ['http.bystander_p99'])
    assert.deepEqual(below([report({ figures: figures(0.55) })]), [])
    assert.equal(keeps(TARGETS['http.bystander_p99'], 2), true)
  })

  test('a value over all samples counts before the median of the rounds', () => {
    const json = toJson([
      report({ bench: 'idle', figures: [{ key: 'idle.cpu_percent', says: '', rounds: [1, 2, 9], overall: 5 }] }),
    ])
    assert.equal(json['idle.cpu_percent'], 5)
  })
})

test('the lock file of the peers names no registry', () => {
  const lock = readFileSync(new URL('../../bench/peers/package-lock.json', import.meta.url), 'utf8')
  assert.equal(/"resolved"/.test(lock), false)
})
