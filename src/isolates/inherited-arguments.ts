/**
 * What says of a process what it runs, and not how: a child runs something else. Debuggers are no part of it either, for a
 * port is taken once.
 */
const NOT_INHERITED = /^(?:--(?:eval|print|check|interactive|input-type|inspect|test|watch|run)\b|-[epci]+$)/
/** Those that are followed by their text as an argument of its own. */
const WITH_TEXT = /^(?:--eval|--print|-p?e|-p)$/

/** The arguments for Node that a child process takes over from this one, as a thread does: loaders, conditions, limits. */
export function inheritedArguments(execArgv: readonly string[]): readonly string[] {
  return execArgv.filter((argument, at) => !NOT_INHERITED.test(argument) && !WITH_TEXT.test(execArgv[at - 1] ?? ''))
}
