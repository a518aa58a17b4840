import type { TestContext } from 'node:test'
import type { Incarnation } from '../../src/model/task.ts'
import { systemClock } from '../../src/ports/system.ts'
import { SqlitePresence } from '../../src/stores/sqlite/presence.ts'
import type { SqlitePresenceOptions } from '../../src/stores/sqlite/presence.ts'

/** A presence in the process of the test, which leaves after it, with all that it reported. */
export interface PresenceHere {
  readonly presence: SqlitePresence
  readonly gone: Incarnation[]
  readonly degraded: string[]
  /** Resolves when `onRing` was called for the n-th time; the first is 1. */
  readonly rung: (times: number) => Promise<void>
}

/** Makes a presence that has yet to arrive. */
export function presenceHere(
  t: TestContext,
  file: string,
  clock: SqlitePresenceOptions['clock'] = systemClock,
): PresenceHere {
  const degraded: string[] = []
  const gone: Incarnation[] = []
  const waiting = new Map<number, () => void>()
  let rings = 0
  const presence = new SqlitePresence({ file, clock, onDegraded: (reason) => degraded.push(reason) })
  presence.onGone = (peer) => gone.push(peer)
  presence.onRing = () => {
    rings++
    waiting.get(rings)?.()
  }
  t.after(() => presence.leave())
  const rung = (times: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (rings >= times) resolve()
    else waiting.set(times, resolve)
    return promise
  }
  return { presence, gone, degraded, rung }
}
