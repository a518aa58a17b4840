/**
 * A process with a background: `node task-worker.ts <options as JSON>`. It reports its events over IPC and does what it
 * is told. It never ends by itself.
 */
import { flushCompileCache } from 'node:module'
import type { BackgroundOptions } from '../../../src/background-options.ts'
import { systemPorts } from '../../../src/background-ports.ts'
import { Background } from '../../../src/background.ts'
import type { AnyTaskDefinition } from '../../../src/model/definition.ts'
import { SILENT } from '../bench.ts'
import { breakDisk } from '../broken-disk.ts'
import { DEFINITIONS, release, tell } from '../definitions.ts'
import { EVENT_NAMES, type Heard } from '../event-log.ts'
import { turn } from '../fake-clock.ts'
import type { Answer, Order } from '../task-process.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as BackgroundOptions
const ports = systemPorts()
let skippedMs = 0
// The same clock, or its pulse thread would not be given: that one knows only the real time.
const { clock } = ports
const monotonicMs = clock.monotonicMs.bind(clock)
clock.monotonicMs = () => monotonicMs() + skippedMs
const background = new Background({ tasks: DEFINITIONS, logger: SILENT, ...options }, ports)

const say = (message: Heard | Answer): void => {
  if (process.connected) process.send?.(message)
}
for (const name of EVENT_NAMES) background.on(name, (event) => say({ name, event } as Heard))

const definitionOf = (name: string): AnyTaskDefinition => DEFINITIONS.find((definition) => definition.name === name)!

process.on('message', (order: Order) => {
  void carryOut(order).then((ids) => say({ ids }))
})

async function carryOut(order: Order): Promise<readonly string[]> {
  switch (order.do) {
    case 'add':
      return [(await background.add(definitionOf(order.name), order.input, order.options)).id]
    case 'respond': {
      const scope = background.attach(undefined)
      const ids = order.tasks.map(({ name, input }) => scope.tasks.add(definitionOf(name), input).id)
      await scope.settle(200)
      scope.close()
      return ids
    }
    case 'handleSignals':
      background.handleSignals()
      return []
    case 'skip':
      skippedMs += order.ms
      return []
    case 'failStore':
      breakDisk()
      await background.add(tell, undefined, { delay: '1h' }).catch(() => undefined)
      return []
    case 'stop':
      await background.stop()
      return []
    case 'release':
      release()
      return []
    case 'drain':
      while (!background.draining) await turn()
      return []
  }
}

flushCompileCache()
await background.start()
