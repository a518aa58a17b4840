/**
 * Tries the instruments: every fault of the zoo is planted, and the lane that is named for it has to find it; without a
 * plant every lane has to find nothing. `npm run zoo`.
 *
 *     npm run zoo -- --lane model|sim|power|crash --plant NAME --json
 *
 * Exit code 0: all caught. 1: one was missed, or a lane found something without a plant. 2: a wrong argument.
 */
import { parseArgs } from 'node:util'
import type { Lane, Plant } from './plant.ts'
import { isGood, LANES, type LaneRun, runLane } from './run-lane.ts'
import { plantNamed, ZOO } from './zoo.ts'

interface Settings {
  readonly lanes: readonly Lane[]
  readonly plants: readonly Plant[]
  readonly json: boolean
}

/** One line of the table. */
interface Tried {
  readonly lane: Lane
  readonly plant: Plant | undefined
  readonly run: LaneRun
  /** As it has to be: found with a plant, nothing without. */
  readonly good: boolean
}

const settings = readSettings(process.argv.slice(2))
const begunMs = performance.now()
const tried = await tryAll(settings)
const bad = tried.filter(({ good }) => !good)
const planted = tried.filter(({ plant }) => plant !== undefined)
const skipped = planted.filter(({ run }) => run.outcome === 'skipped')
const caught = planted.filter(({ run }) => run.outcome === 'violation')
const missed = planted.filter(({ good }) => !good)
for (const { lane, plant, run } of bad) {
  console.error(plant === undefined ? `${lane} without a plant: ${run.says}` : `MISSED: ${plant.name} (${run.says})`)
}
if (settings.json) {
  const seconds = Math.round(performance.now() - begunMs) / 1000
  const names = missed.map(({ plant }) => plant!.name)
  const unclean = bad.filter(({ plant }) => plant === undefined).map(({ lane }) => lane)
  const counts = { plants: planted.length, caught: caught.length, missed: missed.length, skipped: skipped.length }
  console.log(JSON.stringify({ ...counts, seconds, missed_names: names, unclean }))
}
process.exitCode = bad.length === 0 ? 0 : 1

async function tryAll({ lanes, plants }: Settings): Promise<Tried[]> {
  const all: Tried[] = []
  const note = (lane: Lane, plant: Plant | undefined, run: LaneRun): void => {
    // What this machine cannot run is skipped by name; where it has to be able to, that is a failure.
    all.push({ lane, plant, run, good: isGood(run, plant !== undefined, process.env['CI'] === 'true') })
    const result = plant !== undefined && run.outcome === 'violation' ? 'caught' : run.outcome
    console.log(lineOf(plant?.name ?? '(no plant)', lane, result, run))
  }
  console.log('| plant | lane | result | seconds | reported |\n| --- | --- | --- | --- | --- |')
  for (const lane of lanes) note(lane, undefined, await runLane(lane))
  for (const plant of plants) note(plant.lane, plant, await runLane(plant.lane, plant))
  return all
}

function lineOf(name: string, lane: Lane, result: string, { seconds, says }: LaneRun): string {
  return `| ${name} | ${lane} | ${result} | ${seconds.toFixed(1)} | ${says.replaceAll('|', '/')} |`
}

function readSettings(args: string[]): Settings {
  try {
    const { values } = parseArgs({
      args,
      options: { lane: { type: 'string' }, plant: { type: 'string' }, json: { type: 'boolean', default: false } },
    })
    const { lane, plant, json } = values
    if (lane !== undefined && !LANES.some((name) => name === lane)) {
      throw new Error(`--lane must be one of ${LANES.join(', ')}; got "${lane}".`)
    }
    if (plant !== undefined && plantNamed(plant) === undefined) {
      throw new Error(`--plant must be one of ${ZOO.map(({ name }) => name).join(', ')}; got "${plant}".`)
    }
    const plants = ZOO.filter((one) => one.lane === (lane ?? one.lane) && one.name === (plant ?? one.name))
    if (plants.length === 0) throw new Error(`The lane ${lane} has no plant ${plant ?? 'at all'}.`)
    const lanes = LANES.filter((name) => name === lane || plants.some((one) => one.lane === name))
    return { lanes, plants, json }
  } catch (error) {
    console.error(
      `${(error as Error).message}\nUsage: npm run zoo -- [--lane ${LANES.join('|')}] [--plant NAME] [--json]`,
    )
    process.exit(2)
  }
}
