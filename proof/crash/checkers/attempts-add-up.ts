import type { Checker, Evidence, Violation } from '../evidence.ts'
import type { FinalTask } from '../final-database.ts'
import { LIVE } from '../final-database.ts'

/**
 * C9: every claim ended in exactly one way. A crash counts, a hand-back and a claim that never began do not, an error
 * counts once for each attempt that failed on purpose, and the last one is the one that ended the task.
 */
export const attemptsAddUp: Checker = (evidence) => {
  const deaths = deathsIn(evidence)
  const violations: Violation[] = []
  for (const task of evidence.final.tasks) {
    if (LIVE.has(task.state)) continue
    const wrong = whatIsWrong(evidence, task, deaths)
    if (wrong === undefined) continue
    const { id, claims, crashes, handBacks, deferrals } = task
    const counted = `${claims} claims, ${crashes} crashes, ${handBacks} hand-backs, ${deferrals} deferrals`
    violations.push({ kind: 'attempts', id, says: `${wrong} (${counted})` })
  }
  return violations
}

function whatIsWrong(evidence: Evidence, task: FinalTask, deaths: number): string | undefined {
  const { id, n, step, state, claims, crashes, handBacks, deferrals } = task
  const marks = evidence.attempts.get(id) ?? []
  const failing = evidence.planOf(n).find((planned) => planned.step === step)?.behaviour === 'throws-first'
  const ended = claims - crashes - handBacks - deferrals
  const last = state === 'quarantined' ? 0 : 1
  const threw = failing && marks.some(({ end }) => end?.how === 'threw') ? 1 : 0
  const mayEnd = last + threw
  if (ended < last || ended > mayEnd) return `${ended} attempts ended by themselves, not ${last} to ${mayEnd}`
  if (marks.length > claims) return `it began ${marks.length} times`
  if (marks.length < ended) return `it began ${marks.length} times only`
  const named = new Set(marks.map(({ server, worker, attempt }) => `${server} ${worker} ${attempt}`))
  if (named.size < marks.length) return 'one worker began the same attempt twice'
  if (crashes > deaths) return `it crashed more often than workers died (${deaths})`
  return undefined
}

/** Workers that died or were taken for dead. */
function deathsIn({ lines }: Evidence): number {
  const dead = new Set<string>()
  for (const line of lines) {
    if (line.what === 'kill' || line.what === 'stop' || line.what === 'store-failed') dead.add(`server ${line.server}`)
    if (line.what === 'exit' && line.code !== 0) dead.add(`server ${line.server}`)
    if (line.what === 'rescued' || line.what === 'fenced') dead.add(`worker ${line.worker}`)
  }
  return dead.size
}
