import type { TracedStep, Violation } from './explore.ts'
import type { Seen } from './run.ts'
import type { ModeName } from './scopes.ts'
import type { State } from './state.ts'
import { say } from './step.ts'

/** One world as a line of the table. */
export function lineOf(seen: Seen): string {
  const store = seen.mode === 'store' ? `, ${count(seen.storeEdges)} steps of the store` : ''
  const more =
    seen.mode === 'liveness' ? `, ${seen.stuck} stuck` : `, ${count(seen.zombies)} with a fenced attempt still running`
  const result = seen.violation === undefined ? 'holds' : 'BROKEN'
  return (
    `${seen.mode.padEnd(8)} ${seen.scope}: ${count(seen.states)} states, ${count(seen.edges)} edges` +
    `${store}${more}, ${seen.seconds.toFixed(2)} s: ${result}`
  )
}

function count(number: number): string {
  return number.toLocaleString('en-US')
}

/** The violation with the shortest way to it, step by step. */
export function violationText({ mode, scope, message, trace }: Violation): string {
  const head = `${mode}, ${scope}\n${message}\nThe shortest way to it:`
  return [head, ...trace.map((traced, i) => stepLine(traced, i + 1))].join('\n')
}

function stepLine({ step, state }: TracedStep, number: number): string {
  const line = `${String(number).padStart(3)}  ${say(step)}`
  return state === undefined ? line : `${line.padEnd(72)}  ${rowsText(state)}`
}

function rowsText({ rows }: State): string {
  const texts = rows.map((row, task) => {
    const holder = row.owner === 0 ? '' : ` at worker ${row.owner}`
    const claims = row.claims === 0 ? '' : `, claim ${row.claims}`
    return `task ${task + 1}: ${row.state}${holder}${claims}`
  })
  return texts.join('; ')
}

/** What the last line of `--json` says of it all. */
export function summary(seen: readonly Seen[], seconds: number): Readonly<Record<string, unknown>> {
  const sum = (of: (one: Seen) => number, mode?: ModeName): number =>
    seen.filter((one) => mode === undefined || one.mode === mode).reduce((total, one) => total + of(one), 0)
  const found = seen.flatMap(({ violation }) => violation ?? [])
  const modes = [...new Set(seen.map(({ mode }) => mode))]
  return {
    lane: 'model',
    states: sum((one) => one.states),
    edges: sum((one) => one.edges),
    stuck: sum((one) => one.stuck),
    overlaps: found.filter(({ message }) => message.startsWith('C4')).length,
    store_edges: sum((one) => one.storeEdges),
    violations: found.length,
    seconds: round(seconds),
    modes: Object.fromEntries(
      modes.map((mode) => [
        mode,
        {
          states: sum((one) => one.states, mode),
          edges: sum((one) => one.edges, mode),
          seconds: round(sum((one) => one.seconds, mode)),
        },
      ]),
    ),
    ...(found[0] === undefined ? {} : { found: found[0].message, steps: found[0].trace.map(({ step }) => say(step)) }),
  }
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}
