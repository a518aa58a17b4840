import { globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript-5'

/** docs/behaviour.md: the titles of the tests, which are claims. Titles that are made at run time are left out. */
export function generate(root) {
  const files = globSync('test/**/*.test.ts', { cwd: root }).toSorted()
  const sections = files.map((path) => {
    const source = ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest, true)
    const lines = titles(source, 0)
    return lines.length === 0
      ? ''
      : `## ${relative('test', path).replaceAll('\\', '/').replace('.test.ts', '')}\n\n${lines.join('\n')}\n`
  })
  return `# Behaviour

What the tests claim, in their own words. This page is made from their titles.

${sections.filter(Boolean).join('\n')}`
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
  if (!['describe', 'test', 'it'].includes(name) || title === undefined || !ts.isStringLiteralLike(title)) {
    return undefined
  }
  return { title: title.text, isGroup: name === 'describe', body: node.arguments.at(-1) }
}
