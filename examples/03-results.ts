/** What became of a task: how far it is, its result, or its error. All of it is in the store, for any process to see. */
import { createBackground, defineTask, isAfterwordError } from 'afterword'

const countWords = defineTask({
  name: 'count-words',
  retry: { attempts: 1 },
  async run({ text }: { text: string }, context) {
    if (text === '') throw new Error('there is nothing to count')
    const words = text.split(' ')
    context.progress({ seen: words.length })
    // Values that JSON has no word for are stored as what they are.
    return { words: new Set(words), countedAt: new Date(0) }
  },
})

await using background = createBackground({ store: 'memory:', tasks: [countWords] })

background.on('attempt:progress', ({ value }) => console.log('progress:', value))

const added = await background.add(countWords, { text: 'to be or not to be' })
// What add returned knows the type; with an id alone it is background.result<typeof countWords>(id).
const result = await background.result(added, { timeout: '10s' })
console.log(`${result.words.size} different words, counted in ${result.countedAt.getUTCFullYear()}`)

const task = await background.get(added.id)
console.log(task?.name, task?.state, 'in attempt', task?.attempt)

const empty = await background.add(countWords, { text: '' })
try {
  await background.result(empty.id)
} catch (error) {
  if (isAfterwordError(error, 'TASK_FAILED')) {
    console.log(error.code, error.details.state, error.cause instanceof Error ? error.cause.message : '')
  }
}
console.log((await background.explain(empty.id)).text)

// Each attempt that fails is a line in the log, too: on stderr, unless createBackground is given a logger.
// Prints:
//   progress: { seen: 6 }
//   4 different words, counted in 1970
//   count-words succeeded in attempt 1
//   TASK_FAILED failed there is nothing to count
//   Task "count-words" has ended: failed, with there is nothing to count.
