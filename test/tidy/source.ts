/** What the house rules look at: files of the project, parsed once. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript-5'

/** The folder of package.json. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** One parsed file. `path` counts from the root of the project, with forward slashes. */
export interface Source {
  readonly path: string
  readonly text: string
  readonly tree: ts.SourceFile
}

/** Parses `text` as if it stood at `path`; the planted violations of the tests are made with it. */
export function parse(path: string, text: string): Source {
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) }
}

/** All files that match the patterns, parsed. */
export function readSources(...patterns: string[]): Source[] {
  const paths = globSync(patterns, { cwd: root, exclude: ['**/node_modules/**'] }).map((path) =>
    path.replaceAll('\\', '/'),
  )
  return paths.toSorted().map((path) => parse(path, readFileSync(join(root, path), 'utf8')))
}

/** `src/engine/worker.ts:12`, the way that terminals turn into a link. */
export function at(source: Source, node: ts.Node): string {
  return `${source.path}:${source.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
}

/** Every node of the file, parents first. */
export function* nodesOf(source: Source): Generator<ts.Node> {
  const waiting: ts.Node[] = [source.tree]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node
    const children: ts.Node[] = []
    ts.forEachChild(node, (child) => void children.push(child))
    waiting.push(...children.reverse())
  }
}

/** One import or re-export, static or dynamic, of types or of values. */
export interface Import {
  readonly node: ts.Node
  readonly specifier: string
  readonly isTypeOnly: boolean
}

/** Everything that the file imports or re-exports. */
export function importsOf(source: Source): Import[] {
  return [...nodesOf(source)].flatMap((node): Import[] => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const { moduleSpecifier } = node
      if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return []
      const clause = ts.isImportDeclaration(node) ? node.importClause?.phaseModifier : undefined
      const isTypeOnly = ts.isExportDeclaration(node) ? node.isTypeOnly : clause === ts.SyntaxKind.TypeKeyword
      return [{ node, specifier: moduleSpecifier.text, isTypeOnly }]
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      return argument !== undefined && ts.isStringLiteral(argument)
        ? [{ node, specifier: argument.text, isTypeOnly: false }]
        : []
    }
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
      return [{ node, specifier: node.argument.literal.text, isTypeOnly: true }]
    }
    return []
  })
}

/** The path that a relative specifier means, in the terms of `Source.path`. */
export function resolve(source: Source, specifier: string): string {
  return posix.join(posix.dirname(source.path), specifier)
}

/** True for a string, or a piece of a template, that the program holds as a value. */
export function isText(node: ts.Node): node is ts.LiteralLikeNode {
  return (
    ts.isStringLiteral(node) ||
    ts.isNoSubstitutionTemplateLiteral(node) ||
    ts.isTemplateHead(node) ||
    ts.isTemplateMiddle(node) ||
    ts.isTemplateTail(node)
  )
}
