/**
 * Adding twice, and running twice. An id of your own makes `add` repeatable: the second one is the first. And since a task
 * runs again when its process died before it could say that it was done, its effect should bear that too:
 * `context.idempotencyKey` is the same in every attempt.
 */
import { createBackground, defineTask, isAfterwordError } from 'afterword'

/** A payment service that knows idempotency keys, as most do. */
const payments = new Map<string, number>()

const charge = defineTask({
  name: 'charge',
  retry: { base: '10ms' },
  async run({ euros }: { euros: number }, { attempt, idempotencyKey }) {
    payments.set(idempotencyKey, euros)
    if (attempt === 1) throw new Error('paid, but the connection broke before the service could say so')
  },
})

await using background = createBackground({ store: 'memory:', tasks: [charge] })

// A webhook that is delivered twice, say.
for (let delivery = 1; delivery <= 2; delivery++) {
  const { id } = await background.add(charge, { euros: 12 }, { id: 'order-4711:charge' })
  await background.result(id)
  console.log(`delivery ${delivery}: in attempt ${(await background.get(id))?.attempt}, ${payments.size} payment`)
}

try {
  await background.add(charge, { euros: 99 }, { id: 'order-4711:charge' })
} catch (error) {
  if (isAfterwordError(error)) console.log(error.code, error.statusCode)
}

// Each attempt that fails is a line in the log, too: on stderr, unless createBackground is given a logger.
// Prints:
//   delivery 1: in attempt 2, 1 payment
//   delivery 2: in attempt 2, 1 payment
//   TASK_ID_TAKEN 409
