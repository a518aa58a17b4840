/**
 * What runs in a task thread: imports modules for their definitions, and makes one attempt at a time. The context of an
 * attempt is the engine's own; what leaves it goes through the port, and the signal aborts when the port says so.
 */
import { parentPort } from 'node:worker_threads'
import { AttemptContext, type ContextHost } from '../engine/attempt-context.ts'
import { encodeValue } from '../engine/codec.ts'
import { parseStoredInput } from '../engine/input-schema.ts'
import type { Logger } from '../model/logger.ts'
import { crossingError } from './crossing-error.ts'
import { crossingFields } from './crossing-fields.ts'
import { findDefinition, knownDefinition } from './find-definition.ts'
import type { Address, FromThread, RunMessage, ToThread } from './messages.ts'

let context: AttemptContext | undefined

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- The port of a thread has no origin.
const tell = (message: FromThread): void => parentPort?.postMessage(message)

/** Lines come bound to their attempt, so that one that is late says whose it is. */
const logAt =
  (level: keyof Logger) =>
  (fields: object, message: string): void =>
    tell({ kind: 'log', level, fields: crossingFields(fields), message })

const logger: Logger = { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') }

parentPort?.on('message', (message: ToThread) => {
  if (message.kind === 'run') void run(message)
  else if (message.kind === 'prove') void prove(message.address)
  else context?.abort(message.reason)
})

async function run(call: RunMessage): Promise<void> {
  const { task, resultBytesMax: bytesMax } = call
  const host: ContextHost = {
    logger,
    progress(value) {
      const stored = encodeValue(value, { what: 'result', name: task.name, bytesMax })
      // What an attempt left behind must not speak for the next one.
      if (context === mine) tell({ kind: 'progress', value: stored })
    },
  }
  const mine = new AttemptContext(task, host)
  context = mine
  const end = await attempt(call, mine)
  context = undefined
  tell(end)
}

async function attempt(call: RunMessage, mine: AttemptContext): Promise<FromThread> {
  try {
    const definition = knownDefinition(call.address) ?? (await findDefinition(call.address))
    mine.signal.throwIfAborted()
    tell({ kind: 'begun' })
    return returned(await definition.run(parseStoredInput(definition, call.task), mine), call)
  } catch (error) {
    return { kind: 'threw', error: crossingError(error) }
  }
}

function returned(value: unknown, { task, resultBytesMax: bytesMax }: RunMessage): FromThread {
  try {
    const result = value === undefined ? undefined : encodeValue(value, { what: 'result', name: task.name, bytesMax })
    return { kind: 'returned', result, unstorable: undefined }
  } catch (error) {
    return { kind: 'returned', result: undefined, unstorable: crossingError(error) }
  }
}

async function prove(address: Address): Promise<void> {
  try {
    await findDefinition(address)
    tell({ kind: 'proved' })
  } catch (error) {
    tell({ kind: 'threw', error: crossingError(error) })
  }
}
