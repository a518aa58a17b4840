/**
 * A stop loses nothing: what runs gets the grace period, then its signal aborts, and what has not ended is handed back to
 * the store, with its attempt not counted. The next start runs it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createBackground, defineTask } from 'afterword'

let hoursOfWork = 1

const deploy = Promise.withResolvers<void>()
const quick = defineTask({ name: 'quick', run: () => deploy.promise })
const slow = defineTask({
  name: 'slow',
  async run(_, { attempt, signal }) {
    console.log(`slow begins, attempt ${attempt}`)
    await wait(hoursOfWork * 3_600_000, undefined, { signal })
    console.log('slow is done')
  },
})

const folder = mkdtempSync(join(tmpdir(), 'afterword-'))
const options = { store: `sqlite:${join(folder, 'tasks.db')}`, tasks: [quick, slow] }

const background = createBackground(options)
const begun = new Promise<void>((resolve) =>
  background.on('attempt:start', ({ attempt }) => attempt.name === 'slow' && resolve()),
)
await background.add(quick)
const { id } = await background.add(slow)
await begun
const stopping = background.stop({ grace: '500ms' })
deploy.resolve() // quick needs no more than its grace
const account = await stopping
console.log(
  `${account.finished} finished, ${account.handedBack.length} handed back, ${account.abandoned.length} abandoned`,
)

// The next deploy.
hoursOfWork = 0
const next = createBackground(options)
await next.result(id)
console.log('handed back', (await next.get(id))?.handBacks, 'time')
await next.stop()
rmSync(folder, { recursive: true })

// Prints:
//   slow begins, attempt 1
//   1 finished, 1 handed back, 0 abandoned
//   slow begins, attempt 1
//   slow is done
//   handed back 1 time
