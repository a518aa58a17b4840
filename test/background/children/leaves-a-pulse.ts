/** A program whose pulse thread runs, and that stops nothing: `node leaves-a-pulse.ts` ends by itself. */
import { createBackground } from '../../../src/background.ts'

const background = createBackground({ store: 'memory:' })
await background.start()
// Keeps the process alive until then.
const patience = setInterval(() => undefined, 1_000)
background.on('pulse:started', () => {
  process.stdout.write('started')
  clearInterval(patience)
})
