/**
 * `npm run power`: cuts the power of the shipping store at thousands of moments, and fails every call of it once.
 * See docs/proof/power.md.
 */
import { randomInt } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type ExaminePlan, examine } from './examine.ts'
import { type Findings, lineFor, runLane, type Say } from './lane.ts'
import { HELP, type Options, readOptions } from './options.ts'
import { workFolder } from './places.ts'
import { readHome } from './record.ts'
import { buildRecorder } from './recorder.ts'

const SHOWN_MAX = 10

function wanted(): Options {
  try {
    const options = readOptions(process.argv.slice(2), randomInt(2 ** 31 - 1))
    if (options?.recording !== undefined) return { ...options, seed: planOf(options.recording).seed }
    if (options !== undefined) return options
    console.log(HELP)
    process.exit(0)
  } catch (error) {
    console.error((error as Error).message.split('\n')[0])
    process.exit(2)
  }
}

/** How a recording that was kept was looked at. */
function planOf(folder: string): ExaminePlan {
  if (!existsSync(join(folder, 'plan.json'))) {
    throw new Error(`--recording is ${folder}; no failed run kept anything there.`)
  }
  return { ...(JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8')) as ExaminePlan), home: folder }
}

/** Looks at it once more, in the same way. */
async function again(folder: string, say: Say): Promise<Findings> {
  const plan = planOf(folder)
  const found = await examine(readHome(folder), plan)
  say(lineFor(plan.part, found))
  return { examined: [found], controls: [], faultPoints: 0, violations: found.violations }
}

function summary({ examined, controls, faultPoints, violations }: Findings, { seed, plant }: Options) {
  const sum = (of: (found: (typeof examined)[number]) => number): number =>
    examined.reduce((total, found) => total + of(found), 0)
  return {
    images: sum((found) => found.images),
    cut_points: sum((found) => found.cuts),
    acknowledged: sum((found) => found.acknowledged),
    lost: sum((found) => found.lost),
    lost_process: sum((found) => found.lostProcess),
    corrupt: sum((found) => found.corrupt),
    drained: sum((found) => found.drained),
    fault_points: faultPoints,
    violations: violations.length,
    kinds: Object.fromEntries(
      Object.entries(Object.groupBy(violations, ({ kind }) => kind)).map(([kind, all]) => [kind, all.length]),
    ),
    controls: Object.fromEntries(controls.map(({ name, images, lost }) => [name, { images, lost }])),
    seed,
    plant: plant ?? null,
    skipped: [] as string[],
  }
}

function complain({ violations }: Findings, { seed, recording }: Options): void {
  for (const { kind, part, what } of violations.slice(0, SHOWN_MAX)) console.error(`${kind} in ${part}: ${what}`)
  if (violations.length > SHOWN_MAX) console.error(`… and ${violations.length - SHOWN_MAX} more`)
  const [image] = violations.flatMap((violation) => violation.image ?? [])
  const kept = recording ?? (image === undefined ? undefined : resolve(image, '../..'))
  if (kept !== undefined) {
    console.error(`The first bad images are kept, for example ${image}`)
    console.error(`To look at this recording again: npm run power -- --recording ${kept}`)
  }
  const args = process.argv.slice(2).filter((arg, at, all) => arg !== '--seed' && all[at - 1] !== '--seed')
  console.error(`To run all of it again: npm run power -- ${[...args, '--seed', String(seed)].join(' ')}`)
}

async function main(options: Options): Promise<number> {
  const say: Say = (line) => console.log(line)
  const home = workFolder()
  let keep = false
  try {
    const built = buildRecorder(home)
    if ('skipped' in built) {
      say(`skipped: power, for ${built.skipped}`)
      const nothing: Findings = { examined: [], controls: [], faultPoints: 0, violations: [] }
      if (options.json) say(JSON.stringify({ ...summary(nothing, options), skipped: [`power: ${built.skipped}`] }))
      return 0
    }
    const { recording } = options
    const findings =
      recording === undefined ? await runLane(built.library, home, options, say) : await again(resolve(recording), say)
    keep = findings.violations.some(({ image }) => image?.startsWith(home))
    if (findings.violations.length > 0) complain(findings, options)
    const facts = summary(findings, options)
    say(
      options.json
        ? JSON.stringify(facts)
        : `${facts.images} images, ${facts.lost} lost, ${facts.corrupt} corrupt, ` +
            `${facts.fault_points} calls failed, ${facts.violations} violations (seed ${facts.seed})`,
    )
    return findings.violations.length > 0 ? 1 : 0
  } finally {
    if (!keep) rmSync(home, { recursive: true, force: true })
  }
}

process.exitCode = await main(wanted())
