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

const silent = { debug() {}, info() {}, warn() {}, error() {} }
await using background = createBackground({ store: 'memory:', tasks: [countWords], logger: silent })

const { id } = await background.add(countWords, { text: 'to be or not to be' })
const result = await background.result<typeof countWords>(id, { timeout: '10s' })
console.log(`${result.words.size} different words, counted in ${result.countedAt.getUTCFullYear()}`)

const task = await background.get(id)
console.log(task?.name, task?.state, 'in attempt', task?.attempt, 'after', task?.progress)

const empty = await background.add(countWords, { text: '' })
try {
  await background.result(empty.id)
} catch (error) {
  if (isAfterwordError(error, 'TASK_FAILED')) console.log(error.code, error.details.state, error.cause)
}
console.log((await background.explain(empty.id)).text)

// Prints:
//   4 different words, counted in 1970
//   count-words succeeded in attempt 1 after { seen: 6 }
