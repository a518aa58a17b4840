/**
 * Explores the protocol of workers and their store, and the shipping store beside it: `npm run model`.
 *
 *     npm run model -- --scope small|default|large --mode safety|liveness|store|all --json --plant NAME
 *
 * Exit code 0: everything holds. 1: something is broken, and the shortest way to it is printed. 2: a wrong argument.
 */
import { parseArgs } from 'node:util'
import { PLANT_VARIABLE } from '../zoo/planted.ts'
import { plantNamed, ZOO } from '../zoo/zoo.ts'
import { type ModeName, MODES, type ScopeName, SCOPES } from './scopes.ts'

interface Settings {
  readonly scope: ScopeName
  readonly modes: readonly ModeName[]
  readonly json: boolean
  readonly plant: string | undefined
}

process.exitCode = await main(readSettings(process.argv.slice(2)))

async function main({ scope, modes, json, plant }: Settings): Promise<number> {
  if (plant !== undefined) {
    process.env[PLANT_VARIABLE] = plant
    await import('../zoo/load.ts')
  }
  // Only here, so that the plant is in what they load.
  const { run } = await import('./run.ts')
  const { lineOf, summary, violationText } = await import('./report.ts')
  const begunMs = performance.now()
  const seen = await run(scope, modes, (one) => console.log(lineOf(one)))
  const found = seen.flatMap(({ violation }) => violation ?? [])
  for (const violation of found) console.log(`\n${violationText(violation)}\n`)
  if (json) console.log(JSON.stringify(summary(seen, (performance.now() - begunMs) / 1000)))
  return found.length === 0 ? 0 : 1
}

function readSettings(args: string[]): Settings {
  try {
    const { values } = parseArgs({
      args,
      options: {
        scope: { type: 'string', default: 'default' },
        mode: { type: 'string', default: 'all' },
        json: { type: 'boolean', default: false },
        plant: { type: 'string' },
      },
    })
    const { scope, mode, json, plant } = values
    if (plant !== undefined && plantNamed(plant) === undefined) {
      throw new Error(`--plant must be one of ${ZOO.map(({ name }) => name).join(', ')}; got "${plant}".`)
    }
    return { scope: oneOf('--scope', scope, keysOf(SCOPES)), modes: modesOf(mode), json, plant }
  } catch (error) {
    console.error(
      `${(error as Error).message}\nUsage: npm run model -- [--scope ${keysOf(SCOPES).join('|')}] ` +
        `[--mode ${MODES.join('|')}|all] [--plant NAME] [--json]`,
    )
    process.exit(2)
  }
}

function modesOf(mode: string): readonly ModeName[] {
  const name = oneOf('--mode', mode, [...MODES, 'all'] as const)
  return name === 'all' ? MODES : [name]
}

function oneOf<T extends string>(option: string, given: string, known: readonly T[]): T {
  const found = known.find((name) => name === given)
  if (found === undefined) throw new Error(`${option} must be one of ${known.join(', ')}; got "${given}".`)
  return found
}

function keysOf<T extends object>(table: T): (keyof T & string)[] {
  return Object.keys(table) as (keyof T & string)[]
}
