import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { seededChance } from '../support/chance.ts'
import { chooseCuts, type Moments } from './cuts.ts'
import { Disk, FATES, type Fate, type Image } from './disk.ts'
import { drain } from './drain.ts'
import { DATABASE, writeImage } from './image-files.ts'
import { inspect, lineOf } from './inspect.ts'
import { Promises } from './promises.ts'
import type { Recording } from './record.ts'
import type { Violation, ViolationKind } from './violation.ts'

/** What is made of a recording. */
export interface ExaminePlan {
  readonly part: string
  readonly images: number
  readonly seed: number
  readonly moments: Moments
  /** Every so many images one is run until its tasks are done. 0: none. */
  readonly drainEvery: number
  /** Where images are built, and the first bad ones kept. */
  readonly home: string
}

/** What the images of one recording showed. */
export interface Examined {
  readonly images: number
  readonly cuts: number
  readonly acknowledged: number
  readonly drained: number
  readonly lost: number
  readonly lostProcess: number
  readonly corrupt: number
  readonly violations: readonly Violation[]
}

/** Bad images that are kept of one recording. */
const KEPT_MAX = 3

/** Cuts the power of a recording again and again, and judges what is left each time. */
export async function examine(recording: Recording, plan: ExaminePlan): Promise<Examined> {
  const examination = new Examination(recording, plan)
  return examination.run()
}

class Examination {
  readonly #plan: ExaminePlan
  readonly #cuts: readonly number[]
  readonly #last: number
  readonly #disk: Disk
  readonly #promises: Promises
  readonly #violations: Violation[] = []
  readonly #drains: Promise<void>[] = []
  #images = 0
  #kept = 0
  #lost = 0
  #lostProcess = 0
  #corrupt = 0

  constructor({ happenings, before }: Recording, plan: ExaminePlan) {
    this.#plan = plan
    this.#cuts = chooseCuts(happenings, plan.images, plan.moments, seededChance(plan.seed))
    this.#last = happenings.length - 1
    this.#disk = new Disk(happenings, before)
    this.#promises = new Promises(happenings)
  }

  async run(): Promise<Examined> {
    for (const cut of this.#cuts) {
      this.#disk.advance(cut)
      this.#promises.advance(cut)
      for (const fate of FATES) await this.#image(cut, fate)
    }
    await Promise.all(this.#drains)
    this.#promises.advance(this.#last)
    return {
      images: this.#images,
      cuts: this.#cuts.length,
      acknowledged: this.#promises.acknowledged.size,
      drained: this.#drains.length,
      lost: this.#lost,
      lostProcess: this.#lostProcess,
      corrupt: this.#corrupt,
      violations: this.#violations,
    }
  }

  async #image(cut: number, fate: Fate): Promise<void> {
    const { seed, home, drainEvery } = this.#plan
    const number = this.#images++
    const image = this.#disk.image(fate, seededChance(seed ^ Math.imul(number + 1, 0x9e3779b1)))
    const folder = join(home, 'image')
    writeImage(image, folder, false)
    const { wrong, lost, lostProcess } = await inspect(join(folder, DATABASE), fate, this.#promises)
    this.#lost += lost
    this.#lostProcess += lostProcess
    for (const { kind, what } of wrong) this.#report(kind, `${cut}-${fate}`, what, image)
    if (wrong.some(({ kind }) => kind === 'corrupt')) this.#corrupt++
    if (wrong.length === 0 && drainEvery > 0 && number % drainEvery === 0) {
      this.#drains.push(this.#drain(`${cut}-${fate}`, image))
    }
  }

  /** Runs the image to its end beside the images that follow. */
  async #drain(name: string, image: Image): Promise<void> {
    const folder = join(this.#plan.home, 'drained', name)
    writeImage(image, folder, true)
    try {
      const left = await drain(folder)
      if (left !== 0) this.#report('stuck', name, `${left} tasks neither end nor run`, image)
    } catch (error) {
      this.#report('unopenable', name, lineOf(error), image)
    }
    rmSync(folder, { recursive: true })
  }

  #report(kind: ViolationKind, name: string, what: string, image: Image): void {
    const { part, home } = this.#plan
    const folder = join(home, 'bad', name)
    const isLatest = this.#violations.at(-1)?.image === folder
    if (!isLatest && this.#kept < KEPT_MAX) {
      this.#kept++
      writeImage(image, folder, true)
    }
    this.#violations.push({ kind, part, what: `image ${name}: ${what}`, image: folder })
  }
}
