/**
 * What says of a process what it runs, and not how: a child runs something else. Debuggers are no part of it either, for a
 * port is taken once.
 */
const NOT_INHERITED = /^(?:--(?:eval|print|check|interactive|input-type|inspect|test|watch|run)\b|-[epci]+$)/

/** The arguments for Node that a child process takes over from this one, as a thread does: loaders, conditions, limits. */
export function inheritedArguments(execArgv: readonly string[]): readonly string[] {
  let isInherited = true
  return execArgv.filter((argument) => {
    // A value that stands by itself goes with the option before it.
    if (argument.startsWith('-')) isInherited = !NOT_INHERITED.test(argument)
    return isInherited
  })
}
