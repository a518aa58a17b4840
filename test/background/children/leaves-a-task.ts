/** A program that stops while a task runs; it brings no logger. */
import { createBackground, defineTask } from '../../../src/index.ts'
import { untilAborted } from '../../support/bench.ts'

const endless = defineTask({ name: 'endless', run: (_: undefined, { signal }) => untilAborted(signal) })
const background = createBackground({ store: 'memory:', tasks: [endless] })
const started = new Promise((resolve) => background.on('attempt:start', resolve))
await background.add(endless)
await started
await background.stop({ grace: 0 })
