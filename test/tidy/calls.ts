/** Rules about what code may reach for: the clock, chance, timers, and SQL. */
import ts from 'typescript-5'
import { at, isText, nodesOf, type Source } from './source.ts'

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate']
const SYSTEM_NAMES = new Set([...TIMERS, 'randomUUID'])
const SYSTEM_MEMBERS = new Set(['Date.now', 'Math.random', 'performance.now', 'process.hrtime', 'AbortSignal.timeout'])

/** Uses of the real clock, chance or timers; they are handed in as ports. */
export function systemUses(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path !== 'src/ports/system.ts')
    .flatMap((source) =>
      [...nodesOf(source)].flatMap((node) => {
        const used = systemName(node)
        return used === undefined ? [] : [`${at(source, node)} uses ${used}: only ports/system.ts may, ask for a port`]
      }),
    )
}

function systemName(node: ts.Node): string | undefined {
  if (ts.isIdentifier(node) && SYSTEM_NAMES.has(node.text) && isValue(node)) return node.text
  if (ts.isPropertyAccessExpression(node)) {
    const name = node.getText().replace(/^globalThis\./, '')
    return SYSTEM_MEMBERS.has(name) ? name : undefined
  }
  const isDate = (ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === 'Date'
  return isDate && (node.arguments ?? []).length === 0 ? 'the current Date' : undefined
}

/** False where the name is only a key or a type, as in `clock.setTimeout` or `ReturnType<typeof setTimeout>`. */
function isValue(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isTypeQueryNode(parent) || ts.isPropertyAssignment(parent) || ts.isMethodSignature(parent)) return false
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    return ['globalThis', 'crypto', 'timers'].includes(parent.expression.getText())
  }
  return true
}

/** Waits for the wall clock in tests: `setTimeout` and anything called sleep. */
export function wallClockWaits(sources: readonly Source[]): string[] {
  return sources.flatMap((source) =>
    [...nodesOf(source)]
      .filter((node) => ts.isIdentifier(node) && ['setTimeout', 'sleep'].includes(node.text) && isValue(node))
      .map((node) => `${at(source, node)} uses ${node.getText()}: wait for what should happen, not for time`),
  )
}

/** SQL outside its homes. */
export function strayStatements(sources: readonly Source[]): string[] {
  return sources
    .filter(
      ({ path }) => !/^src\/(stores\/[^/]+|sessions|testing\/[^/]+)\/(statements|migrations)[^/]*(\.ts$|\/)/.test(path),
    )
    .flatMap((source) =>
      [...nodesOf(source)]
        .filter(isText)
        .filter(({ text }) => /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b/.test(text))
        .map((node) => `${at(source, node)} holds SQL: it belongs into statements.ts or the migrations of its store`),
    )
}
