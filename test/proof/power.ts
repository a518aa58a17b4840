import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** What a run of the lane `power` ended with. */
export interface PowerRun {
  readonly code: number
  readonly said: string
  readonly complained: string
  /** The object on the last line; undefined when that is none. */
  readonly facts: PowerFacts | undefined
}

/** The facts that tests look at. */
export interface PowerFacts {
  readonly images: number
  readonly cut_points: number
  readonly acknowledged: number
  readonly lost: number
  readonly corrupt: number
  readonly drained: number
  readonly fault_points: number
  readonly violations: number
  readonly kinds: Readonly<Record<string, number>>
  readonly controls: Readonly<Record<string, { readonly lost: number }>>
  readonly seed: number
  readonly skipped: readonly string[]
}

const MAIN = join(import.meta.dirname, '../../proof/power/main.ts')

/** Runs the lane as its users do. */
export async function runPower(...args: readonly string[]): Promise<PowerRun> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  let complained = ''
  child.stdout.on('data', (data) => (said += String(data)))
  child.stderr.on('data', (data) => (complained += String(data)))
  const [code] = (await once(child, 'close')) as [number]
  const last = said.trimEnd().split('\n').at(-1) ?? ''
  const facts = last.startsWith('{') ? (JSON.parse(last) as PowerFacts) : undefined
  return { code, said, complained, facts }
}
