import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript-5'

/** docs/events.md, from the interface that types the events. */
export function generate(root) {
  const file = join(root, 'src/model/events.ts')
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const table = source.statements.find(
    (node) => ts.isInterfaceDeclaration(node) && node.name.text === 'BackgroundEvents',
  )
  const rows = table.members.map((member) => {
    const name = ts.isStringLiteral(member.name) ? member.name.text : member.name.getText()
    const says = member.jsDoc?.[0]?.comment ?? ''
    const carries = ts.isTypeLiteralNode(member.type)
      ? member.type.members.map((each) => each.name.getText()).join(', ')
      : member.type.getText()
    return `| \`${name}\` | ${carries} | ${says.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')} |`
  })
  return `# Events

\`background.on(name, listener)\` returns a function that stops listening. A listener that throws is reported to the logger and
breaks nothing. Every event is also published on \`node:diagnostics_channel\` as \`afterword:<name>\`. The types are
\`BackgroundEvents\`; this page is made from them (\`src/model/events.ts\`).

| event | carries | when |
| --- | --- | --- |
${rows.join('\n')}
`
}
