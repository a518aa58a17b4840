import type { FromProcess, Role, StopCounts } from './messages.ts'

type Ready = Extract<FromProcess, { readonly kind: 'ready' }>

/** What a process that is ready does. */
export function readyText(role: Role, { listens, serves }: Pick<Ready, 'listens' | 'serves'>): string {
  const at = listens.join(', ')
  const tasks = serves.length === 0 ? 'leaves tasks to workers' : `takes tasks of ${serves.join(', ')}`
  if (role === 'web') return `ready, listens at ${at}, ${tasks}`
  return `ready, ${tasks}${at === '' ? '' : `; what listens in it does so at ${at}`}`
}

/** What became of the tasks of a process that has stopped. */
export function stoppedText({ finished, handedBack, abandoned }: StopCounts): string {
  return `stopped: ${finished} finished, ${handedBack} handed back, ${abandoned} abandoned`
}

/** How a process ended. */
export function endText(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `with exit code ${code}` : `by ${signal}`
}

/** A number of things: `1 worker`, `2 web processes`. */
export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
