/** Rules about whole files and functions: size, words, comments, docstrings, and whether anybody needs them. */
import { posix } from 'node:path'
import ts from 'typescript-5'
import { at, isText, nodesOf, resolve, type Source } from './source.ts'

export const FUNCTION_LINES_MAX = 70
export const FILE_LINES_MAX = 500

/** Functions over the limit, counted from their first word to their last brace. */
export function longFunctions(sources: readonly Source[]): string[] {
  return sources.flatMap((source) =>
    [...nodesOf(source)]
      .filter((node) => ts.isFunctionLike(node))
      .filter((node) => linesOf(source, node) > FUNCTION_LINES_MAX)
      .map((node) => `${at(source, node)} is ${linesOf(source, node)} lines: functions stop at ${FUNCTION_LINES_MAX}`),
  )
}

function linesOf({ tree }: Source, node: ts.Node): number {
  const [first, last] = [node.getStart(), node.getEnd()].map(
    (position) => tree.getLineAndCharacterOfPosition(position).line,
  )
  return (last ?? 0) - (first ?? 0) + 1
}

/** Files over the limit. */
export function longFiles(sources: readonly Source[]): string[] {
  return sources
    .map(({ path, text }) => ({ path, lines: text.replace(/\n$/, '').split('\n').length }))
    .filter(({ lines }) => lines > FILE_LINES_MAX)
    .map(({ path, lines }) => `${path} is ${lines} lines: files stop at ${FILE_LINES_MAX}`)
}

/** Marks of work that is not done. The words are in pieces here so that this file does not find itself. */
export function leftovers(sources: readonly Source[]): string[] {
  return linesWith(sources, /\b(?:TO)DO\b|\b(?:FIX)ME\b/, (word) => `says ${word}: do it, or file an issue`)
}

/** Comments that switch the type checker off. */
export function typeEscapes(sources: readonly Source[]): string[] {
  const anys = sources.flatMap((source) =>
    [...nodesOf(source)]
      .filter((node) => ts.isAsExpression(node) && node.type.kind === ts.SyntaxKind.AnyKeyword)
      .map((node) => `${at(source, node)} says "as any": name the type, or use unknown`),
  )
  return [...anys, ...linesWith(sources, /@ts-(?:ignore|nocheck)\b/, (word) => `says ${word}: make the types right`)]
}

function linesWith(sources: readonly Source[], pattern: RegExp, complaint: (word: string) => string): string[] {
  return sources.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const word = pattern.exec(line)?.[0]
      return word === undefined ? [] : [`${path}:${index + 1} ${complaint(word)}`]
    }),
  )
}

const FOREIGN_WORDS = new Set(['job', 'jobs', 'enqueue', 'enqueues', 'enqueued', 'enqueuing'])

/** Identifiers with a word that this project has another word for. */
export function foreignWords(sources: readonly Source[]): string[] {
  const wordsOf = (name: string) => name.split(/_|(?<=[a-z0-9])(?=[A-Z])/).map((word) => word.toLowerCase())
  return sources.flatMap((source) =>
    [...nodesOf(source)]
      .filter((node) => ts.isIdentifier(node) || ts.isPrivateIdentifier(node))
      .filter(
        ({ text }) => /queueTask/i.test(text) || wordsOf(text.replace('#', '')).some((word) => FOREIGN_WORDS.has(word)),
      )
      .map((node) => `${at(source, node)} names something ${node.text}: we say task, and add`),
  )
}

/** Exported names without a docstring. A re-export needs none: the name has it where it was made. */
export function undocumented(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const seen = new Set<string>()
    return source.tree.statements.flatMap((statement) => {
      const isExported = ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(isExport) === true
      const names = isExported ? namesOf(statement).filter((name) => !seen.has(name)) : []
      for (const name of names) seen.add(name)
      const isDocumented = ts.getJSDocCommentsAndTags(statement).length > 0
      return isDocumented ? [] : names.map((name) => `${at(source, statement)} exports ${name} without a docstring`)
    })
  })
}

const isExport = (modifier: ts.ModifierLike): boolean => modifier.kind === ts.SyntaxKind.ExportKeyword

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map((declaration) => declaration.name.getText())
  }
  const { name } = statement as { name?: ts.Identifier } & ts.Statement
  return name === undefined ? [] : [name.text]
}

/**
 * Files that nothing leads to. A file leads to another by naming it in a string (an import, a worker's or a child's URL),
 * with the extension it has here or will have when it is built. A program in a `children` folder is named by its file name.
 */
export function orphans(sources: readonly Source[], entries: readonly string[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const children = new Map(
    sources.flatMap((source) => (isChild(source) ? [[posix.basename(source.path), source]] : [])),
  )
  const isRoot = (path: string) => entries.includes(path) || !/^(src|test)\//.test(path) || path.endsWith('.test.ts')
  const waiting = sources.filter(({ path }) => isRoot(path) || path.startsWith('test/types/'))
  const reached = new Set(waiting)
  for (let source = waiting.pop(); source !== undefined; source = waiting.pop()) {
    for (const path of namedBy(source)) {
      const next = byPath.get(path) ?? children.get(path)
      if (next === undefined || reached.has(next)) continue
      reached.add(next)
      waiting.push(next)
    }
  }
  return sources
    .filter((source) => !reached.has(source))
    .map(({ path }) => `${path} is reached from no entry and no test`)
}

const isChild = ({ path }: Source): boolean => posix.dirname(path).endsWith('/children')

function namedBy(source: Source): string[] {
  return [...nodesOf(source)]
    .filter(isText)
    .filter(({ text }) => /^[\w.@-][\w./@-]*$/.test(text))
    .flatMap(({ text }) => [text, text.replace(/\.js$/, '.ts'), `${text}.ts`])
    .flatMap((path) => [resolve(source, path), path])
}
