/**
 * The whole lane: recordings and their images, the controls that show that it can see, and the calls that fail.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SyncMode } from '../../src/stores/sqlite/wal-sync.ts'
import { type Examined, type ExaminePlan, examine } from './examine.ts'
import { failEveryCall } from './faults.ts'
import type { Options } from './options.ts'
import { type Recording, recordWorkload, type RecordPlan, syncsOf } from './record.ts'
import type { Violation } from './violation.ts'

/** What a run found. */
export interface Findings {
  readonly examined: readonly Examined[]
  readonly controls: readonly { readonly name: string; readonly images: number; readonly lost: number }[]
  readonly faultPoints: number
  readonly violations: readonly Violation[]
}

/** Images of one recording: more would look at the same moments again. */
const IMAGES_PER_RECORDING = 1_000
/** The share of images that show a database in the making. */
const CREATION = 0.2
const CONTROL_IMAGES = 40
/** About so many images are run to their end. */
const DRAINED = 24
const DRAIN_EVERY_MIN = 20

/** Tells people how far it is. */
export type Say = (line: string) => void

/** Runs what the options ask for; `home` holds everything, and afterwards what is wrong. */
export async function runLane(library: string, home: string, options: Options, say: Say): Promise<Findings> {
  const [cut, failed] = await Promise.all([
    cutPower(library, home, options, say),
    failCalls(library, home, options, say),
  ])
  return {
    examined: cut.examined,
    controls: cut.controls,
    faultPoints: failed.faultPoints,
    violations: [...cut.violations, ...failed.violations],
  }
}

const NOTHING: Findings = { examined: [], controls: [], faultPoints: 0, violations: [] }

async function cutPower(library: string, home: string, options: Options, say: Say): Promise<Findings> {
  if (!options.parts.includes('images')) return NOTHING
  const examined: Examined[] = []
  const wrongModes: Violation[] = []
  for (const [at, { part, mode, prepared, images }] of recordings(options).entries()) {
    const seed = options.seed + at
    // A short run looks at a short life.
    const work = prepared ? { lives: 2, rounds: Math.min(100, 20 + Math.ceil(images / 10)) } : { lives: 3, rounds: 8 }
    const folder = join(home, `${part}-${at}`)
    const plan = { library, home: folder, mode, prepared, seed, plant: options.plant, ...work }
    const recording = await recordWorkload(plan)
    if (options.plant === undefined) wrongModes.push(...wrongMode(recording, part, mode))
    const drainEvery = Math.max(DRAIN_EVERY_MIN, Math.ceil(options.images / DRAINED))
    const look: ExaminePlan = { part, images, seed, moments: 'all', drainEvery, home: folder }
    writeFileSync(join(folder, 'plan.json'), JSON.stringify(look))
    const found = await examine(recording, look)
    say(lineFor(part, found))
    examined.push(found)
    if (found.violations.length === 0) rmSync(folder, { recursive: true })
  }
  // With a fault planted, the fault is the control.
  const controls = options.plant === undefined ? await tryControls(library, home, options, say) : []
  const blind = controls
    .filter(({ lost }) => lost === 0)
    .map(({ name, images }) => ({
      kind: 'blind' as const,
      part: name,
      what: `nothing was lost in ${images} images, although nothing was synced: this lane would see no loss`,
    }))
  const violations = [...examined.flatMap((each) => each.violations), ...wrongModes, ...blind]
  return { ...NOTHING, examined, controls, violations }
}

interface Piece {
  readonly part: string
  readonly mode: SyncMode
  readonly prepared: boolean
  readonly images: number
}

/** How the images are shared out among recordings. */
function recordings({ images, modes }: Options): readonly Piece[] {
  return modes.flatMap((mode) => {
    const all = Math.ceil(images / modes.length)
    const making = Math.max(1, Math.round(all * CREATION))
    const pieces = Math.ceil((all - making) / IMAGES_PER_RECORDING)
    const each = Math.ceil((all - making) / Math.max(1, pieces))
    return [
      ...Array.from({ length: pieces }, () => ({ part: mode, mode, prepared: true, images: each })),
      { part: `creation-${mode}`, mode, prepared: false, images: making },
    ]
  })
}

/** The lane must know that the mode it names is the one that ran. */
function wrongMode(recording: Recording, part: string, mode: SyncMode): Violation[] {
  const { onLoop, offLoop } = syncsOf(recording)
  if (offLoop > 0 === (mode === 'async')) return []
  return [{ kind: 'blind', part, what: `the log was synced ${onLoop} times on the loop and ${offLoop} times off it` }]
}

/** Runs in which nothing reaches the disk when it should: without loss in them, no loss means nothing. */
async function tryControls(library: string, home: string, options: Options, say: Say): Promise<Findings['controls']> {
  const { seed, modes } = options
  const controls = []
  for (const mode of modes) {
    for (const name of ['lying-disk', 'no-sync'] as const) {
      const part = `control-${name}-${mode}`
      const folder = join(home, part)
      const how = name === 'no-sync' ? { plant: name } : { lies: true }
      const record: RecordPlan = { library, home: folder, mode, prepared: true, lives: 1, rounds: 30, seed, ...how }
      const recording = await recordWorkload(record)
      const images = CONTROL_IMAGES
      const found = await examine(recording, { part, images, seed, moments: 'promises', drainEvery: 0, home: folder })
      rmSync(folder, { recursive: true })
      say(`${part}: ${found.images} images, ${found.lost} lost, as it has to be`)
      controls.push({ name: part, images: found.images, lost: found.lost })
    }
  }
  return controls
}

async function failCalls(library: string, home: string, options: Options, say: Say): Promise<Findings> {
  if (!options.parts.includes('faults')) return NOTHING
  const violations: Violation[] = []
  let faultPoints = 0
  for (const mode of options.modes) {
    for (const kind of options.faults) {
      const folder = join(home, `faults-${mode}-${kind}`)
      mkdirSync(folder)
      const found = await failEveryCall({ library, home: folder, mode, kind, plant: options.plant })
      say(`faults-${mode}-${kind}: ${found.points} calls failed once each, ${found.violations.length} violations`)
      faultPoints += found.points
      violations.push(...found.violations)
      rmSync(folder, { recursive: true })
    }
  }
  return { ...NOTHING, faultPoints, violations }
}

/** What the images of one recording showed, in one line. */
export function lineFor(part: string, found: Examined): string {
  return (
    `${part}: ${found.images} images of ${found.cuts} cuts, ${found.acknowledged} tasks acknowledged, ${found.lost} lost, ` +
    `${found.lostProcess} lost that were to survive the process only, ${found.corrupt} corrupt, ` +
    `${found.drained} run to the end, ${found.violations.length} violations`
  )
}
