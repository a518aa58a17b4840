const ROLE = Symbol.for('afterword.role.1')

/** The options of a background that depend on the role of its process. */
interface RoleOptions {
  readonly works?: boolean | undefined
  readonly serves?: readonly string[] | undefined
  readonly concurrency?: number | undefined
}

/**
 * What `afterword start` or `afterword worker` made of this process before it imported the application. It lies in the
 * process, not in a module: the command may be another copy of the library than the application's.
 */
export interface ProcessRole<Created = unknown, Given = unknown> {
  /** False where others run the tasks. What the application says itself wins: it may know better. */
  readonly works: boolean
  /** What the command line says for this process wins over what the application says for all of them. */
  readonly ordered: Pick<RoleOptions, 'serves' | 'concurrency'>
  /** Called with each background that the application creates, and with the options that it gave. */
  created(background: Created, given: Given): void
  /** Takes the place of signal handlers: `close` is called as the process stops. Returns a function that takes it back. */
  closes(close: () => unknown): () => void
}

/** The role of this process; undefined where the application was started by itself. */
export function processRole(): ProcessRole | undefined {
  return (globalThis as { readonly [ROLE]?: ProcessRole })[ROLE]
}

/** Gives this process its role, before the application is imported. */
export function takeRole<Created, Given>(role: ProcessRole<Created, Given>): void {
  Object.defineProperty(globalThis, ROLE, { value: role })
}

/** The options as they are in the role of this process. What is no object is left for the option table to refuse. */
export function inRole<Options extends RoleOptions>(options: Options | undefined): Options | RoleOptions | undefined {
  const role = processRole()
  if (role === undefined || (options !== undefined && (typeof options !== 'object' || options === null))) return options
  return { ...options, works: options?.works ?? role.works, ...role.ordered }
}
