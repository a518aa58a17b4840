/** A task that fails is tried again, later and later; one that knows better says when, or that there is no point. */
import { createBackground, defineTask, giveUp, isAfterwordError, retryAfter } from 'afterword'

const chargeCard = defineTask({
  name: 'charge-card',
  retry: { attempts: 5, base: '20ms' },
  async run({ euros }: { euros: number }, { attempt }) {
    if (attempt === 1) throw new Error('the bank does not answer')
    if (attempt === 2) throw retryAfter('50ms', { cause: new Error('the bank asks for patience') })
    if (euros > 1000) throw giveUp('the card is not good for that much')
    return `${euros} euros charged`
  },
})

await using background = createBackground({ store: 'memory:', tasks: [chargeCard] })

background.on('attempt:end', ({ attempt, state, error }) => {
  console.log(`attempt ${attempt.attempt}: ${error?.message ?? 'no error'} -> ${state}`)
})

const small = await background.add(chargeCard, { euros: 12 })
console.log(await background.result(small.id))

const large = await background.add(chargeCard, { euros: 12_000 })
try {
  await background.result(large.id)
} catch (error) {
  if (isAfterwordError(error, 'TASK_FAILED')) console.log(error.code, error.details.message)
}

// Each attempt that fails is a line in the log, too: on stderr, unless createBackground is given a logger.
// Prints:
//   attempt 1: the bank does not answer -> scheduled
//   attempt 2: Retry after 50 ms. -> scheduled
//   attempt 3: no error -> succeeded
//   12 euros charged
//   attempt 1: the bank does not answer -> scheduled
//   attempt 2: Retry after 50 ms. -> scheduled
//   attempt 3: the card is not good for that much -> failed
//   TASK_FAILED the card is not good for that much
