/**
 * What runs beside the event loop: it keeps the lease of the worker on a connection of its own, does the store's housekeeping,
 * and watches whether the loop turns. While the loop rests, so does this thread, but for the lease.
 */
import { writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { Store, StoreModule } from '../ports/store.ts'
import { systemClock } from '../ports/system.ts'
import { Cells } from './cells.ts'
import { LoopProbe } from './loop-probe.ts'
import type { FromPulse, PulseOrder } from './messages.ts'
import { Stillness } from './stillness.ts'

/** While an answer of the inspector is awaited, the thread's own loop has to turn, in milliseconds. */
const ASKING_MS = 10

const order = workerData as PulseOrder
const cells = new Cells(order.cells)
const probe = new LoopProbe(systemClock, order.question)
const stillness = new Stillness(systemClock.monotonicMs())
let isProbed = false
let beatAtMs = 0

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- The port of a thread has no origin.
const tell = (message: FromPulse): void => parentPort?.postMessage(message)

async function openStore(): Promise<Store | undefined> {
  if (order.address === undefined) return undefined
  const home = (await import(order.address.module)) as StoreModule
  const store = home.storeAt(order.address.data)
  await store.open()
  return store
}

async function keepWatch(store: Store | undefined): Promise<void> {
  for (;;) {
    const seen = cells.read('signal')
    if (cells.read('ending') === 1) return
    const isAwake = cells.read('awake') === 1
    const { isAsking } = probe
    const waitMs = isAsking ? ASKING_MS : isAwake ? order.turnMs : order.restMs
    if (isAsking) await new Promise<void>((resolve) => systemClock.after(waitMs, resolve, true))
    else cells.wait(seen, waitMs)
    look(isAwake, waitMs)
    if (store === undefined) continue
    const worker = cells.read('worker')
    if (worker !== 0 && stillness.ms > order.stuckMs) await giveUp(store, worker)
    else if (worker !== 0 && systemClock.monotonicMs() >= beatAtMs) await beat(store, worker)
    if (isAwake) await store.tend?.()
  }
}

/** Whether the loop turns; if it does not, what it is doing. One question for each time that it stands still. */
function look(isAwake: boolean, expectedMs: number): void {
  const hasTurned = stillness.look(cells.read('turn'), systemClock.monotonicMs(), expectedMs)
  cells.write('stillMs', stillness.ms)
  // A person who steps through code blocks the loop, too.
  if (hasTurned || cells.read('debugged') === 1) isProbed = false
  else if (isAwake && !isProbed && stillness.ms > order.limitMs + order.turnMs) {
    isProbed = true
    probe.ask()
  }
}

async function beat(store: Store, worker: number): Promise<void> {
  beatAtMs = systemClock.monotonicMs() + order.beatMs
  if (await store.beat(worker, systemClock.now())) return tell({ kind: 'beaten' })
  cells.forgetWorker(worker)
  tell({ kind: 'fenced', worker })
}

/** Others get what the loop cannot do. It does not hear of it before it turns again, so this line goes around it. */
async function giveUp(store: Store, worker: number): Promise<void> {
  if (cells.read('debugged') === 1) return
  const stillMs = Math.round(stillness.ms)
  // First: the loop may turn at any moment, and find that it is fenced before it hears why.
  cells.write('gaveUpMs', stillMs)
  cells.write('gaveUp', worker)
  await store.rescue(worker, systemClock.now())
  cells.forgetWorker(worker)
  tell({ kind: 'fenced', worker })
  const line = `afterword: the event loop has stood still for ${stillMs} ms (stuckAfter is ${order.stuckMs} ms); worker ${worker} gave its tasks to others\n`
  writeSync(2, line)
}

async function run(): Promise<void> {
  let store: Store | undefined
  try {
    store = await openStore()
    tell({ kind: 'ready' })
    await keepWatch(store)
  } catch (error) {
    tell({ kind: 'failed', error })
  } finally {
    await store?.close()
  }
}

await run()
