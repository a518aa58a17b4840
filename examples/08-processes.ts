/** Code that may crash natively runs in a child process: its attempt fails with the evidence, and the process goes on. */
import { createBackground } from 'afterword'
import { readImage } from './processes/read-image.ts'

await using background = createBackground({ store: 'memory:', tasks: [readImage] })

const broken = await background.add(readImage, 'broken.png')
const fine = await background.add(readImage, 'fine.png')
console.log(await background.result(fine))

await background.result(broken).catch(() => undefined)
const task = await background.get(broken.id)
console.log(task?.state, task?.error?.code)
console.log(task?.error?.cause?.message.split('\n')[0])

// Prints:
//   fine.png has 3 colours
//   failed PROCESS_CRASHED_NATIVELY
//   decoder: bad chunk, giving up
