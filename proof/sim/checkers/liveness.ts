import type { CheckerKind } from '../history.ts'

/** Once nothing goes wrong any more, everything ends within the stated time. */
export const liveness: CheckerKind = [
  'liveness',
  ({ fail }) =>
    (event) => {
      if (event.kind === 'stuck') fail(event.why)
    },
]
