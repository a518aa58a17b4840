import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { generate as chart } from '../../scripts/fresh/performance-chart.mjs'
import { generate as page } from '../../scripts/fresh/performance.mjs'

const PAGE = `# Performance
<!-- figures -->
| a figure of long ago |
<!-- /figures -->
By hand.
<!-- contenders -->
<!-- /contenders -->
<!-- measurements -->
<!-- /measurements -->
`

const SPREAD = { q1: 0.4, q3: 0.6, min: 0.1, max: 0.9 }
const RESULTS = {
  http: {
    measuredOn: '2026-01-02',
    machine: { node: '24.1.0', cores: 2, cpu: 'A CPU', memoryGiB: 8 },
    settings: { rounds: 3, seconds: 0.5, peers: true },
    figures: [
      { key: 'http.a', says: 'a to b', value: 0.5, median: 0.5, ...SPREAD, bound: '≥ 0.55', goal: 0.75, isKept: false },
      { key: 'http.b', says: 'b to c', value: 0.5, median: 0.5, ...SPREAD, bound: '≤ 2', isKept: true },
    ],
    tables: [
      {
        title: 'Rates',
        rows: [
          { variant: 'one', 'requests/s': 12345.5 },
          { variant: 'two', 'requests/s': null },
        ],
      },
    ],
    charts: [
      {
        title: 'Bars & whiskers',
        bars: [
          { label: 'short', isOurs: false, median: 1, q1: 0.5, q3: 1.5, min: 0, max: 2 },
          { label: 'long', isOurs: true, median: 4, q1: 3, q3: 5, min: 2, max: 6 },
        ],
      },
    ],
    contenders: [{ name: 'peer', version: 'peer 1.2.3', survives: 'process', says: 'as it comes' }],
    skipped: [{ what: 'FastAPI', reason: 'no Python' }],
    doubts: [],
    wrong: [],
  },
}

function project(t: TestContext, results: object | undefined): string {
  const root = mkdtempSync(join(tmpdir(), 'afterword-page-'))
  t.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'docs'))
  mkdirSync(join(root, 'bench/results'), { recursive: true })
  writeFileSync(join(root, 'docs/performance.md'), PAGE)
  if (results !== undefined) writeFileSync(join(root, 'bench/results/latest.json'), JSON.stringify(results))
  return root
}

describe('the page on performance', () => {
  test('says of each figure what was measured, and whether its bound is kept', (t) => {
    const text = page(project(t, RESULTS))
    assert.match(
      text,
      /\| a to b \| `http\.a` \| \*\*0\.5\*\* \| 0\.4 to 0\.6 \| 0\.1 to 0\.9 \| ≥ 0\.55, not kept \| 0\.75 \|/,
    )
    assert.match(text, /\| b to c \| `http\.b` \| \*\*0\.5\*\* \| 0\.4 to 0\.6 \| 0\.1 to 0\.9 \| ≤ 2 \|  \|/)
    assert.doesNotMatch(text, /long ago/)
    assert.match(text, /\nBy hand\.\n/)
  })

  test('names who took part, what was measured, and who was left out', (t) => {
    const text = page(project(t, RESULTS))
    assert.match(text, /\| peer \| peer 1\.2\.3 \| the process \| as it comes \|/)
    assert.match(text, /\| one \| 12,345\.5 \|\n\| two \| – \|/)
    assert.match(text, /2026-01-02, A CPU, 2 cores, Node 24\.1\.0; 3 rounds of 0\.5 s\./)
    assert.match(text, /Not measured: FastAPI, no Python\./)
  })

  test('stays as it is when it is made again', (t) => {
    const root = project(t, RESULTS)
    const once = page(root)
    writeFileSync(join(root, 'docs/performance.md'), once)
    assert.equal(page(root), once)
  })

  test('is made without results too', (t) => {
    assert.match(page(project(t, undefined)), /Nobody took part\./)
    assert.match(chart(project(t, undefined)), /^<svg /)
  })
})

describe('the chart', () => {
  test('has the longest bar on top, bars by the median and whiskers by the quartiles', (t) => {
    const svg = chart(project(t, RESULTS))
    const widths = [...svg.matchAll(/<rect class="(\w+)" .*? width="([\d.]+)"/g)].map(([, kind, width]) => [
      kind,
      Number(width),
    ])
    assert.deepEqual(
      widths.map(([kind]) => kind),
      ['ours', 'peer'],
    )
    assert.ok(Math.abs(Number(widths[0]![1]) / Number(widths[1]![1]) - 4) < 0.01)
    const whiskers = [...svg.matchAll(/x1="([\d.]+)" x2="([\d.]+)"/g)].map(([, from, to]) => Number(to) - Number(from))
    assert.ok(Math.abs(whiskers[0]! / whiskers[1]! - 2) < 0.01)
  })

  test('escapes what XML does not take', (t) => assert.match(chart(project(t, RESULTS)), /Bars &amp; whiskers/))
})
