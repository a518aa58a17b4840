/** A program that runs one task and stops; it brings no logger. */
import { createBackground, defineTask } from '../../../src/index.ts'

const greet = defineTask({ name: 'greet', run: (name: string) => `hello ${name}` })
const background = createBackground({ store: 'memory:', tasks: [greet] })
const { id } = await background.add(greet, 'Ada')
await background.result(id)
await background.stop()
