import { globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript-5'
import { storeConformance } from '../../src/stores/conformance/index.ts'
import { sessionConformance } from '../../src/testing/session-conformance/index.ts'

/**
 * docs/behaviour.md: the titles of the tests, which are claims. They are read from the sources, where titles that are made
 * at run time are left out; those of the contracts, which every store and every provider of sessions runs, are asked of the
 * suites themselves.
 */
export function generate(root) {
  const files = globSync(['test/**/*.test.ts', 'test/adapters/conformance*.ts'], { cwd: root }).toSorted()
  const sections = files.map((path) => {
    const source = ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest, true)
    const lines = titles(source, 0)
    return lines.length === 0
      ? ''
      : `## ${relative('test', path)
          .replaceAll('\\', '/')
          .replace(/(\.test)?\.ts$/, '')}\n\n${lines.join('\n')}\n`
  })
  return `# Behaviour

What the tests claim, in their own words. This page is made from their titles.

${sections.filter(Boolean).join('\n')}
## The contract of a store

Every store passes these; \`afterword/conformance\` exports them.

${contract(storeConformance).join('\n')}

## The contract of a provider of sessions

Those of every library pass these; \`afterword/sessions/conformance\` exports them.

${contract(sessionConformance).join('\n')}
`
}

/** The suite declares its cases to a runner that only writes their titles down. */
function contract(conformance) {
  const lines = []
  let depth = -1
  const write = (title) => lines.push(`${'  '.repeat(depth)}- ${title.replaceAll('<', '&lt;')}`)
  const describe = (title, body) => {
    if (depth >= 0) write(title)
    depth++
    body()
    depth--
  }
  const test = Object.assign(write, { skip: write })
  conformance('', () => undefined, { runner: { describe, test } })
  return lines
}

function titles(node, depth) {
  const lines = []
  const visit = (child) => {
    const call = titleOf(child)
    if (call === undefined) return ts.forEachChild(child, visit)
    const inner = call.body === undefined ? [] : titles(call.body, depth + 1)
    if (call.isGroup ? inner.length > 0 : true) {
      lines.push(`${'  '.repeat(depth)}- ${call.title.replaceAll('<', '&lt;')}`, ...(call.isGroup ? inner : []))
    }
    return undefined
  }
  ts.forEachChild(node, visit)
  return lines
}

function titleOf(node) {
  if (!ts.isCallExpression(node)) return undefined
  const name = node.expression.getText().split('.')[0]
  const [title] = node.arguments
  const isGroup = name === 'describe'
  if ((!isGroup && name !== 'test' && name !== 'it') || title === undefined) return undefined
  const text = ts.isStringLiteralLike(title) ? title.text : isGroup ? templateText(title) : undefined
  return text === undefined ? undefined : { title: text, isGroup, body: node.arguments.at(-1) }
}

/** The title of a group that is made for several subjects: an ellipsis stands for each of them. */
function templateText(title) {
  if (!ts.isTemplateExpression(title)) return undefined
  return title.head.text + title.templateSpans.map((span) => `…${span.literal.text}`).join('')
}
