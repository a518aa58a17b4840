/** What `context.once` refuses: a part of the catalogue of errors. */
export const ONCE_ERRORS = {
  ONCE_NAME_INVALID: {
    happened: (e: { name: string; got: string; max: number }) =>
      `Task "${e.name}" called context.once with the name ${e.got}; a name is a string of 1 to ${e.max} characters.`,
    todo: 'Name what is computed: context.once("charge", () => charge(card)).',
  },
  ONCE_NAME_TAKEN: {
    happened: (e: { name: string; once: string }) =>
      `Task "${e.name}" called context.once("${e.once}") twice in one attempt with different functions: the second would get what the first has given.`,
    todo: 'Give each value a name of its own, in a loop with what tells them apart: context.once(`mail:${user.id}`, …). For the same value keep its promise.',
  },
  ONCE_TOO_MANY: {
    happened: (e: { name: string; once: string; max: number }) =>
      `Task "${e.name}" called context.once("${e.once}"), but a task may keep ${e.max} values at most.`,
    todo: 'Keep one value for many steps, or add a task for each of them with context.add.',
  },
  ONCE_NOT_STORABLE: {
    happened: (e: { name: string; once: string; path: string; got: string }) =>
      `Task "${e.name}" computed context.once("${e.once}"), but its ${e.path} is ${e.got}, which no store can hold: the next attempt computes it again.`,
    todo: 'Return plain data, or nothing.',
  },
  ONCE_TOO_LARGE: {
    happened: (e: { name: string; once: string; bytes: number; bytesMax: number }) =>
      `Task "${e.name}" computed context.once("${e.once}"), but its value takes at least ${e.bytes} bytes and the limit is ${e.bytesMax}: the next attempt computes it again.`,
    todo: 'Store the data elsewhere and return a reference, or raise resultBytesMax.',
  },
  ONCE_CLAIM_LOST: {
    happened: (e: { name: string; id: string; once: string }) =>
      `Task "${e.name}" (${e.id}) called context.once("${e.once}") in an attempt that is over, or whose task another worker has: nothing was kept.`,
    todo: 'Await every context.once, and stop when context.signal aborts.',
  },
  ONCE_IN_TRANSACTION: {
    happened: (e: { name: string; once: string; session: string }) =>
      `Task "${e.name}" called context.once("${e.once}") while its session "${e.session}" holds the file of the store: the value could be kept only after the end of the attempt.`,
    todo: 'Call context.once before the session is first asked for. What is written through that session is done once anyway.',
  },
} as const
