import type { ReadBackgroundOptions } from './background-options.ts'
import type { Ports } from './background-ports.ts'
import type { EventHub } from './engine/event-hub.ts'
import type { Registry } from './engine/registry.ts'
import type { Runner } from './engine/runner.ts'
import { runningDefinition } from './engine/task-context.ts'
import type { Worker } from './engine/worker.ts'
import { currentScope } from './http/current.ts'
import type { Store } from './ports/store.ts'
import { systemClock } from './ports/system.ts'
import type { Running } from './pulse/blocks.ts'
import { ThreadPulse } from './pulse/thread-pulse.ts'
import { ResponseScope } from './response-scope.ts'

/** A task with `onBlock: 'thread'` leaves the event loop after having blocked it so often. */
const BLOCKS_TO_MOVE = 3

/** Whom a pulse serves. */
export interface PulseOwners {
  readonly store: Store
  readonly hub: EventHub
  readonly registry: Registry
  /** Whether there is anything that runs tasks beside the loop. */
  readonly canIsolate: boolean
  runner(): Runner
  worker(): Worker
}

/** The pulse of a background; undefined for one with a clock of its own, which no thread beside it would know. */
export function makePulse(
  settings: ReadBackgroundOptions,
  { clock }: Ports,
  owners: PulseOwners,
): ThreadPulse | undefined {
  const { store, hub, registry } = owners
  if (clock !== systemClock) return undefined
  return new ThreadPulse({
    clock,
    beatMs: settings.beatMs,
    limitMs: settings.blockedAfterMs,
    stuckMs: settings.stuckAfterMs,
    address: () => store.address,
    isBusy: () => owners.runner().isRunning,
    who: () => whoRuns(owners.runner()),
    blocks: {
      report: (block) => hub.emit('loop:blocked', block),
      counted(name, times) {
        if (times >= BLOCKS_TO_MOVE && owners.canIsolate && registry.move(name)) hub.emit('task:moved', { name, times })
      },
    },
    listener: {
      began: () => hub.emit('pulse:started', {}),
      beaten: () => owners.worker().beaten(),
      fenced: (incarnation) => owners.worker().fenced(incarnation),
      failed: (error) => hub.emit('pulse:failed', { error }),
    },
  })
}

/** Called on top of what runs: the async context is that of the code which blocks. */
function whoRuns(runner: Runner): Running {
  const definition = runningDefinition()
  if (definition !== undefined) {
    return { by: 'task', name: definition.name, taskId: runner.onLoop(definition), requestId: undefined }
  }
  const scope = currentScope()
  const requestId = scope instanceof ResponseScope ? scope.requestId : undefined
  return { by: scope === undefined ? 'unknown' : 'request', name: undefined, taskId: undefined, requestId }
}
