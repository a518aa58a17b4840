/**
 * Runs the demo in the foreground: set-up, build, then examples/demo/main.ts. A signal sent to this script, or to npm, is
 * passed on; the script ends after the demo and in the same way.
 */
import { setup, stop } from './setup.mjs'
import { ended, start } from './tools.mjs'

const node = setup()
const build = await ended(start(node, ['scripts/build.mjs']))
if (build.code !== 0) stop('The build failed, so the demo was not started.')

const demo = start(node, ['examples/demo/main.ts', ...process.argv.slice(2)])
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
for (const signal of signals) process.on(signal, () => demo.kill(signal))

const { code, signal } = await ended(demo)
for (const name of signals) process.removeAllListeners(name)
if (signal === null) process.exitCode = code
else process.kill(process.pid, signal)
