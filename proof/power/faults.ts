import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SyncMode } from '../../src/stores/sqlite/wal-sync.ts'
import { planted } from '../zoo/planted.ts'
import type { Life } from './fault-scenario.ts'
import { inspect } from './inspect.ts'
import { recorderEnvironment } from './recorder.ts'
import type { Violation, ViolationKind } from './violation.ts'

/** How a call fails. */
export type FaultKind = 'eio' | 'enospc' | 'short' | 'eintr'

/** All of them. */
export const FAULT_KINDS: readonly FaultKind[] = ['eio', 'enospc', 'short', 'eintr']

/** Which calls are failed. */
export interface FaultPlan {
  readonly library: string
  readonly home: string
  readonly mode: SyncMode
  readonly kind: FaultKind
  readonly plant?: string | undefined
}

/** What came of failing every call once. */
export interface FaultsFound {
  readonly points: number
  readonly violations: readonly Violation[]
}

/** One life takes some ten milliseconds, and some seconds when an outcome has to be written twice. */
const LIFE_MS_MAX = 30_000

/** Lets each call of a small life fail once. This process, which loads no recorder, looks at what each life left. */
export async function failEveryCall(plan: FaultPlan): Promise<FaultsFound> {
  const part = `faults-${plan.mode}-${plan.kind}`
  const root = join(plan.home, 'root')
  const orders = join(plan.home, 'orders')
  mkdirSync(root, { recursive: true })
  writeFileSync(orders, '')
  const child = start(plan, root, orders)
  let said = ''
  child.stderr!.on('data', (data) => (said += String(data)))
  const violations: Violation[] = []
  let points = 0
  let checks = Promise.resolve()
  let latest = 'start'
  let watchdog = setTimeout(hung, LIFE_MS_MAX)
  function hung(): void {
    violations.push({ kind: 'hung', part, what: `after ${latest}: the next life did not end` })
    child.kill('SIGKILL')
  }
  child.on('message', (life: Life) => {
    clearTimeout(watchdog)
    watchdog = setTimeout(hung, LIFE_MS_MAX)
    latest = `call ${life.nth} (${life.hit ?? 'none'})`
    if (life.hit !== undefined) points++
    checks = checks.then(async () => {
      violations.push(...(await judge(life, part, root)))
      rmSync(join(root, String(life.nth)), { recursive: true, force: true })
    })
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(watchdog)
  await checks
  if (code !== 0 && violations.every(({ kind }) => kind !== 'hung')) {
    violations.push({
      kind: 'escaped',
      part,
      what: `after ${latest} the process ended with ${code ?? signal}: ${said}`,
    })
  }
  return { points, violations }
}

function start({ library, mode, kind, plant }: FaultPlan, root: string, orders: string): ChildProcess {
  const { execArgv, env } = planted(plant)
  return fork(join(import.meta.dirname, 'fault-scenario.ts'), [root, orders, mode, kind], {
    execArgv,
    env: { ...env, ...recorderEnvironment({ library, folder: root, orders }) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}

async function judge(life: Life, part: string, root: string): Promise<Violation[]> {
  const at = `call ${life.nth} (${life.hit ?? 'none failed'})`
  const found = (kind: ViolationKind, what: string): Violation => ({ kind, part, what: `${at}: ${what}` })
  const promised = {
    tried: new Set(life.tried),
    ran: new Set(life.ran),
    acknowledged: new Map(life.acknowledged),
  }
  const { wrong } = await inspect(join(root, String(life.nth), 'tasks.db'), 'keep', promised)
  return [
    ...wrong.map(({ kind, what }) => found(kind, what)),
    ...life.errors.filter((error) => error.startsWith('uncoded')).map((error) => found('uncoded', error)),
    ...life.escaped.map((error) => found('escaped', error)),
    ...life.unstopped.map((n) => found('unstopped', `task ${n} was acknowledged after it`)),
  ]
}
