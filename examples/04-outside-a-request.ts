/** Tasks without a request: from a script, a timer, a message. `add` resolves when the task is on disk. */
import { createBackground, defineTask } from 'afterword'

const remind = defineTask({
  name: 'remind',
  async run({ what }: { what: string }) {
    console.log(what)
  },
})

await using background = createBackground({ store: 'memory:', tasks: [remind], concurrency: 1 })

const later = await background.add(remind, { what: 'later, by a delay' }, { delay: '1s' })
const muchLater = await background.add(remind, { what: 'never: cancelled' }, { runAt: new Date('2999-12-31') })

// With nobody to run them they wait, and the one with the highest priority goes first.
await background.pause('default')
const first = await background.add(remind, { what: 'added first' })
const urgent = await background.add(remind, { what: 'added second, with priority' }, { priority: 10 })
console.log((await background.explain(first.id)).text)
await background.resume('default')

await Promise.all([first, urgent, later].map(({ id }) => background.result(id)))
console.log('cancel:', await background.cancel(muchLater.id))

// Prints:
//   Task "remind" is ready, but its queue "default" is paused; background.resume('default') lifts that.
//   added second, with priority
//   added first
//   later, by a delay
//   cancel: cancelled
