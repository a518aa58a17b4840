/**
 * Writes every generated page again: `npm run fresh`. A test calls `stalePages()` and fails when a page is not what its
 * source says; the page is on disk by then, so the fix is to look at it and commit it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Each generator gives the text of one page. They import the sources, so they need the Node of the project. */
const PAGES = {
  'README.md': './fresh/readme.mjs',
  'docs/errors.md': './fresh/errors.mjs',
  'docs/options.md': './fresh/options.mjs',
  'docs/events.md': './fresh/events.mjs',
  'docs/states.md': './fresh/states.mjs',
  'docs/performance.md': './fresh/performance.mjs',
  'docs/performance.svg': './fresh/performance-chart.mjs',
  'docs/proof/zoo.md': './fresh/zoo.mjs',
  'docs/behaviour.md': './fresh/behaviour.mjs',
  'src/stores/sqlite/schema.sql': './fresh/schema.mjs',
}

/** Writes the pages that differ and returns their names. */
export async function stalePages() {
  const stale = []
  for (const [page, generator] of Object.entries(PAGES)) {
    const { generate } = await import(generator)
    const [file, text] = [join(root, page), await generate(root)]
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    stale.push(page)
  }
  return stale
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const stale = await stalePages()
  console.log(stale.length === 0 ? 'Every generated page is fresh.' : `Written again: ${stale.join(', ')}`)
}
