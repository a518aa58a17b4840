import { runningDefinition } from './engine/task-context.ts'

/** Whose code runs at this moment, for messages: `task "send-welcome"`. */
export function runningNow(): string {
  const definition = runningDefinition()
  return definition === undefined ? 'code outside of any request or task' : `task "${definition.name}"`
}
