/** Undefined where Node was built without it. Not imported: such a Node refuses that. */
const inspector = process.features.inspector ? process.getBuiltinModule('node:inspector') : undefined

/** Whether a debugger can be attached to this thread: somebody may be stepping through it. */
export function isDebugged(): boolean {
  return inspector?.url() !== undefined
}
