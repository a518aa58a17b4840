/** Runs the attempts of `session`: one background with a task for each way to write, on one database. */
import { createBackground, defineTask, type TaskContext } from 'afterword'
import { tasksFile } from './afterword.ts'
import { answer } from './child.ts'
import { AT_ONCE, openSite } from './session-sites.ts'
import type { SessionAsk, SessionResult, SessionSettings } from './session-slice.ts'
import { cpuMicros } from './usage.ts'

const { site: name, place } = JSON.parse(process.argv[2]!) as SessionSettings
const file = tasksFile(place)
interface Input {
  readonly n: number
}
const site = await openSite(name, place, file)
const { byHand, onceByHand } = site
const tasks = {
  none: defineTask({ name: 'none', run: async (_: Input) => {} }),
  again: defineTask({ name: 'again', run: ({ n }: Input) => byHand(n) }),
  byHand: defineTask({ name: 'by-hand', run: ({ n }: Input) => byHand(n) }),
  onceByHand: defineTask({ name: 'once-by-hand', run: ({ n }: Input, { id }: TaskContext) => onceByHand(n, id) }),
  session: defineTask({
    name: 'session',
    sessions: site.sessions,
    run: async ({ n }: Input, { session }) => site.insert(await session.db, n),
  }),
}
const background = await createBackground({
  store: `sqlite:${file}`,
  tasks: Object.values(tasks),
  concurrency: AT_ONCE,
}).start()
let left = 0
let isOver = (): void => {}
background.on('attempt:end', () => {
  if (--left === 0) isOver()
})
let added = 0
let expected = 0

async function slice({ way, tasks: count }: SessionAsk): Promise<SessionResult> {
  await background.pause('default')
  await Promise.all(Array.from({ length: count }, () => background.add(tasks[way], { n: ++added })))
  const { promise: over, resolve } = Promise.withResolvers<void>()
  left = count
  isOver = resolve
  const [begun, cpu] = [performance.now(), cpuMicros()]
  await background.resume('default')
  await over
  const [ms, used] = [performance.now() - begun, cpuMicros() - cpu]
  if (way !== 'none') expected += count
  return { ms, cpuMicros: used, rowsOff: (await site.rows()) - expected }
}

answer({}, slice, async () => {
  await background.stop()
  await site.close()
})
