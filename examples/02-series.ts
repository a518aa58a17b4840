/**
 * The tasks of one response run one after another, in the order added. One that fails is tried again by itself: the next
 * starts when its first attempt has ended. `parallel: true` stands outside of the series.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBackground, defineTask, retryAfter } from 'afterword'
import { nodeTasks } from 'afterword/node'

const bakeCake = defineTask({
  name: 'bake-cake',
  retry: { attempts: 2 },
  async run(_, { attempt }) {
    console.log(`bake-cake, attempt ${attempt}`)
    if (attempt === 1) throw retryAfter('500ms', { cause: new Error('burnt') })
  },
})
const lightCandles = defineTask({ name: 'light-candles', run: () => console.log('light-candles') })
const singSong = defineTask({ name: 'sing-song', run: () => console.log('sing-song') })

await using background = createBackground({ store: 'memory:', tasks: [bakeCake, lightCandles, singSong] })

const server = createServer(
  nodeTasks(background, (_req, res, tasks) => {
    const ids = [tasks.add(bakeCake), tasks.add(lightCandles), tasks.add(singSong)].map((task) => task.id)
    res.end(JSON.stringify(ids))
  }),
).listen(0, '127.0.0.1')
await once(server, 'listening')

const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
const ids = (await answer.json()) as string[]
await Promise.all(ids.map((id) => background.result(id)))
server.close()

// Each attempt that fails is a line in the log, too: on stderr, unless createBackground is given a logger.
// Prints:
//   bake-cake, attempt 1
//   light-candles
//   sing-song
//   bake-cake, attempt 2
