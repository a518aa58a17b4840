/** Every link of the pages within the project leads to a file, and to a heading of it where it names one. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const PAGES = ['*.md', 'docs/**/*.md']

/** The targets of the links of a page, but for those that lead elsewhere. */
function linksOf(text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!).filter((target) => !/^\w+:/.test(target))
}

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Why a link of a page leads nowhere; undefined when it leads somewhere. */
function fault(page: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? join(root, page) : join(root, dirname(page), path)
  if (!existsSync(file)) return `${page} links to ${target}, which is not there`
  if (anchor === undefined || anchorsOf(readFileSync(file, 'utf8')).includes(anchor)) return undefined
  return `${page} links to ${target}, which has no such heading`
}

describe('the links of the pages', () => {
  const links = globSync(PAGES, { cwd: root }).flatMap((page) =>
    linksOf(readFileSync(join(root, page), 'utf8')).map((target) => [page, target] as const),
  )

  test('lead to files and headings that are there', () => {
    assert.ok(links.length > 20, `only ${links.length} links were found`)
    assert.deepEqual(
      links.flatMap(([page, target]) => fault(page, target) ?? []),
      [],
    )
  })

  test('would be found out: a file and a heading that are not there', () => {
    assert.match(fault('docs/README.md', 'nowhere.md') ?? '', /which is not there/)
    assert.match(fault('docs/README.md', 'shutdown.md#nothing') ?? '', /no such heading/)
    assert.equal(fault('docs/README.md', 'shutdown.md#signals-and-wrappers'), undefined)
    assert.deepEqual(linksOf('[a](b.md) `[c](d)` [e](https://f.g)'), ['b.md'])
  })

  test('lead from docs/README.md to every page', () => {
    const listed = new Set(links.flatMap(([page, target]) => (page === 'docs/README.md' ? [target] : [])))
    const pages = globSync('docs/*.md', { cwd: root }).map((page) => page.replace('docs/', '').replaceAll('\\', '/'))
    assert.deepEqual(
      pages.filter((page) => page !== 'README.md' && !listed.has(page)),
      [],
    )
  })
})
