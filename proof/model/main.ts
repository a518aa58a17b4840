/**
 * Explores the protocol of workers and their store, and the shipping store beside it: `npm run model`.
 *
 *     npm run model -- --scope small|default|large --mode safety|liveness|store|all --json --plant NAME
 *
 * Exit code 0: everything holds. 1: something is broken, and the shortest way to it is printed. 2: a wrong argument.
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { planted } from '../zoo/planted.ts'
import { plantNamed, ZOO } from '../zoo/zoo.ts'
import { lineOf, summary, violationText } from './report.ts'
import { type ModeName, MODES, run } from './run.ts'
import { type ScopeName, SCOPES } from './scopes.ts'

interface Settings {
  readonly scope: ScopeName
  readonly modes: readonly ModeName[]
  readonly json: boolean
  readonly plant: string | undefined
}

const settings = readSettings(process.argv.slice(2))
process.exitCode = settings.plant === undefined ? await main(settings) : withPlant(settings.plant)

async function main({ scope, modes, json }: Settings): Promise<number> {
  const begunMs = performance.now()
  const seen = await run(scope, modes, (one) => console.log(lineOf(one)))
  const found = seen.flatMap(({ violation }) => violation ?? [])
  for (const violation of found) console.log(`\n${violationText(violation)}\n`)
  if (json) console.log(JSON.stringify(summary(seen, (performance.now() - begunMs) / 1000)))
  return found.length === 0 ? 0 : 1
}

/** The same once more, in a process that loads the plant. */
function withPlant(plant: string): number {
  const at = process.argv.findIndex((argument) => argument === '--plant' || argument.startsWith('--plant='))
  const rest = process.argv.slice(2).toSpliced(at - 2, process.argv[at] === '--plant' ? 2 : 1)
  const { execArgv, env } = planted(plant)
  const { status, error } = spawnSync(process.execPath, [...execArgv, import.meta.filename, ...rest], {
    stdio: 'inherit',
    env,
  })
  if (error !== undefined) throw error
  return status ?? 3
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
    console.error(`${(error as Error).message}\nUsage: npm run model -- [--scope ${keysOf(SCOPES).join('|')}] ` +
      `[--mode ${MODES.join('|')}|all] [--plant NAME] [--json]`)
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
