/** `node ends-by-itself.ts <file>`: works with a background, stops it, and then has nothing more to do. */
import { createBackground, defineTask } from '../../../src/index.ts'

const noop = defineTask({ name: 'noop', run: () => undefined })
const background = createBackground({ store: `sqlite:${process.argv[2]}`, tasks: [noop] })
await background.start()
const { id } = await background.add(noop)
await background.result(id)
await background.add(noop, undefined, { delay: '1h' })
const unanswered = background.attach(undefined)
unanswered.tasks.add(noop)
unanswered.close()
await background.stop({ grace: 0 })
process.channel?.unref()
