/**
 * The queue of canaries: tasks of the library's own by which a process proves that it is ready. No queue of a user has a `~` in
 * its name, no worker serves it, and nobody but the worker that added it runs a canary.
 */
export const CANARY_QUEUE = '~canary'
