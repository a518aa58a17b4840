import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { planted } from '../zoo/planted.ts'
import type { SeedReport } from './simulation.ts'

/** What runs seeds in processes of their own. */
export interface PoolOptions {
  readonly seeds: Iterable<number>
  /** How many processes run them side by side. */
  readonly procs: number
  /** A fault of the zoo to plant into the sources. */
  readonly plant?: string | undefined
  readonly lite?: boolean
  /** Writes each event of each seed to stdout. */
  readonly verbose?: boolean
  /** Called with each report, in the order in which seeds end; false begins no further seed. */
  readonly told: (report: SeedReport) => boolean
}

/** What a child is asked to run. */
export interface Errand {
  readonly seed: number
  readonly lite: boolean
  readonly verbose: boolean
}

/** Runs the seeds. Rejects when a process ends by itself. */
export async function runSeeds({
  seeds,
  procs,
  plant,
  lite = false,
  verbose = false,
  told,
}: PoolOptions): Promise<void> {
  const left = Iterator.from(seeds)
  let goesOn = true
  const next = (): Errand | undefined => {
    const { done, value } = goesOn ? left.next() : { done: true, value: undefined }
    return done === true || value === undefined ? undefined : { seed: value, lite, verbose }
  }
  const children: ChildProcess[] = []
  const serve = async (): Promise<void> => {
    const child = fork(join(import.meta.dirname, 'child.ts'), { ...planted(plant), stdio: 'inherit' })
    children.push(child)
    const ended = once(child, 'exit')
    let errand = next()
    child.on('message', (report: SeedReport) => {
      goesOn = told(report) && goesOn
      errand = next()
      if (errand === undefined) child.disconnect()
      else child.send(errand)
    })
    if (errand === undefined) child.disconnect()
    else child.send(errand)
    const [code, signal] = (await ended) as [number | null, string | null]
    if (code !== 0) throw new Error(`The process that ran seed ${errand?.seed} ended with ${code ?? signal}.`)
  }
  try {
    await Promise.all(Array.from({ length: procs }, serve))
  } finally {
    for (const child of children) child.kill()
  }
}
