/** `node --expose-gc many-tasks.ts <file>`: runs tasks and tells how much of the heap is used early and late. */
import { createBackground, defineTask } from '../../../src/index.ts'

const GROUP = 500
let ran = 0
let enough = { at: 0, reached: () => {} }
const count = defineTask({
  name: 'count',
  run: (_: { readonly text: string }) => {
    if (++ran === enough.at) enough.reached()
  },
})
const background = createBackground({
  store: `sqlite:${process.argv[2]}`,
  tasks: [count],
  durability: 'process',
  concurrency: 50,
})

/** Adds tasks until so many have run, half of them to responses. */
async function runUntil(total: number): Promise<number> {
  for (let left = total - ran; left > 0; left -= GROUP) {
    const { promise, resolve } = Promise.withResolvers<void>()
    enough = { at: ran + GROUP, reached: resolve }
    const input = { text: 'x'.repeat(100) }
    await Promise.all(
      Array.from({ length: GROUP / 2 }, async () => {
        const scope = background.attach(undefined, { id: 'request' })
        const { committed } = scope.tasks.add(count, input)
        await scope.settle(200)
        scope.close()
        await Promise.all([committed, background.add(count, input)])
      }),
    )
    await promise
  }
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const early = await runUntil(20_000)
const late = await runUntil(100_000)
process.send?.({ early, late })
await background.stop()
process.disconnect()
