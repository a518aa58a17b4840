/** Tasks that others add. They run on the event loop. */
import { z } from 'zod'
import { defineTask } from '../../../src/define-task.ts'

/** Gives its input back. */
export const next = defineTask({ name: 'next', run: (text: string) => text })

/** Has a schema. */
export const inForm = defineTask({ name: 'in-form', input: z.object({ to: z.string() }), run: ({ to }) => to })

/** Tells what came with it. */
export const tells = defineTask({
  name: 'tells',
  run: (_: undefined, { requestId, carried }) => ({ requestId, carried: { ...carried } }),
})
