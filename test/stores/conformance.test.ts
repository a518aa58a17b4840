/** The suite itself: that it is complete, and that it can be run by any runner. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MOVES } from '../../src/model/task-state.ts'
import type { StoreCapabilities } from '../../src/ports/store.ts'
import { systemChance as chance, systemClock as clock } from '../../src/ports/system.ts'
import { storeConformance } from '../../src/stores/conformance/index.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'

type Body = () => Promise<void>

/** Declares the suite to a runner that runs nothing, and gives what it declared. */
function declared(can: StoreCapabilities): { run: Map<string, Body>; skipped: string[]; groups: string[] } {
  const [run, skipped, groups]: [Map<string, Body>, string[], string[]] = [new Map(), [], []]
  const declare = (title: string, body: Body): void => {
    assert.equal(run.has(title), false, `two cases are called "${title}"`)
    run.set(title, body)
  }
  const runner = {
    describe(title: string, body: () => void) {
      groups.push(title)
      body()
    },
    test: Object.assign(declare, { skip: (title: string) => void skipped.push(title) }),
  }
  const site = { store: () => new SqliteStore(undefined, { clock, chance }), remove() {} }
  storeConformance('any', () => site, { can, runner })
  return { run, skipped, groups }
}

describe('the conformance suite', () => {
  const everything = declared({ shared: true, persistent: true })

  test('has a case for every move of a task, which it names', () => {
    const titles = [...everything.run.keys()]
    const moves = Object.entries(MOVES).flatMap(([state, moves]) => Object.keys(moves).map((move) => [state, move]))
    const missing = moves.filter(
      ([state, move]) => !titles.some((title) => title.startsWith(`${move}: `) && title.includes(`${state} task`)),
    )
    assert.deepEqual(missing, [])
  })

  test('skips by name what a store cannot do, and nothing else', () => {
    assert.deepEqual(everything.skipped, [])
    const { run, skipped } = declared({ shared: false, persistent: false })
    assert.ok(skipped.length > 0)
    for (const title of skipped) assert.match(title, /\(skipped: the store is not (shared|persistent)\)$/)
    assert.equal(run.size + skipped.length, everything.run.size)
  })

  test('needs no more of a runner than describe, test and skip', async () => {
    const { run, groups } = declared({ shared: false, persistent: false })
    assert.equal(groups[0], 'Store (any)')
    await run.get('a task that nobody claims is ready')?.()
  })

  test('fails for a store that breaks the contract, with the title of what it breaks', async () => {
    class NeverPauses extends SqliteStore {
      override pause(): Promise<void> {
        return Promise.resolve()
      }
    }
    const failed: string[] = []
    const cases: [string, Body][] = []
    const add = (title: string, body: Body): void => void cases.push([title, body])
    const runner = {
      describe: (_: string, body: () => void) => body(),
      test: Object.assign(add, { skip: () => undefined }),
    }
    const site = { store: () => new NeverPauses(undefined, { clock, chance }), remove() {} }
    storeConformance('broken', () => site, { can: { shared: false, persistent: false }, runner })
    for (const [title, body] of cases.filter(([title]) => /pause/.test(title))) {
      await body().catch(() => failed.push(title))
    }
    assert.ok(failed.includes('a pause holds the next one of a series too'))
    assert.ok(failed.includes('a paused queue gives nothing, and neither does it for those who add'))
  })
})
