/** The kit under vitest: a small project, and what docs/testing.md shows, are really run by it, in a process of its own. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

/** What the child program says of each test. */
interface Found {
  readonly title: string
  readonly state: string
  readonly errors: readonly string[]
}

const here = import.meta.dirname
const root = join(here, '../..')
/** Ignored by git, and below the root, so that packages are found from it. */
const extracted = join(root, 'data/docs-vitest')

/** Writes the blocks of the page that are for vitest to files. */
function extract(): void {
  rmSync(extracted, { recursive: true, force: true })
  mkdirSync(extracted, { recursive: true })
  const page = readFileSync(join(root, 'docs/testing.md'), 'utf8')
  const blocks = [...page.matchAll(/^```ts vitest\n([\s\S]*?)^```$/gm)]
  blocks.forEach(([, code], index) => writeFileSync(join(extracted, `block-${index + 1}.spec.ts`), code!))
}

test('tests written for vitest pass, also under its fake timers', async (t) => {
  extract()
  t.after(() => rmSync(extracted, { recursive: true, force: true }))
  const child = [join(here, 'children/run-vitest.ts'), 'test/testing/vitest-project', 'data/docs-vitest']
  const { stdout } = await promisify(execFile)(process.execPath, child)
  const found = JSON.parse(stdout.trim().split('\n').at(-1)!) as readonly Found[]
  assert.deepEqual(
    found.filter(({ state }) => state !== 'passed'),
    [],
  )
  const files = [
    join(here, 'vitest-project/signup.spec.ts'),
    ...globSync('*.spec.ts', { cwd: extracted }).map((name) => join(extracted, name)),
  ]
  const written = files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/^ *test(?:\.fails)?\(/gm)])
  assert.equal(found.length, written.length)
  assert.ok(files.length > 1)
})
