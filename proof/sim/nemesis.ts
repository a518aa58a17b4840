import type { Machine, SimProcess } from './sim-process.ts'

const HOUR_MS = 3_600_000

/** What befalls processes from outside, at moments that the seed decides: kills, stops, freezes, steps of the clock, a full disk. */
export class Nemesis {
  readonly #machine: Machine
  readonly #processes: () => readonly SimProcess[]
  readonly #stop: (process: SimProcess) => void

  constructor(machine: Machine, processes: () => readonly SimProcess[], stop: (process: SimProcess) => void) {
    this.#machine = machine
    this.#processes = processes
    this.#stop = stop
  }

  /** Puts everything on the timeline. */
  plan(): void {
    const { world } = this.#machine
    const { kills, stops, freezes, clockSteps, outages } = world.nemesis
    this.#plan(kills, (process) => process.die('of a signal'))
    this.#plan(stops, (process) => this.#tell(process, 'is told to stop', () => this.#stop(process)))
    this.#plan(freezes, (process) => this.#freeze(process))
    this.#plan(clockSteps, (process) => this.#stepClock(process))
    for (let i = 0; i < outages; i++) this.#at(() => this.#fillDisk())
    // A store that is gone for good takes its process with it, sooner or later: whoever watches it starts it anew.
    for (let ms = 400; ms < world.horizonMs; ms += 400) this.#machine.timeline.at(ms, () => this.#replaceBroken())
  }

  #plan(count: number, befall: (process: SimProcess) => void): void {
    const { below } = this.#machine.faultChance
    for (let i = 0; i < count; i++) {
      this.#at(() => {
        const able = this.#processes().filter(({ stopping, frozen }) => !stopping && !frozen)
        const process = able[below(able.length)]
        if (process !== undefined) befall(process)
      })
    }
  }

  #at(befall: () => void): void {
    const { timeline, faultChance, world } = this.#machine
    timeline.at(faultChance.below(world.horizonMs), () => {
      if (!this.#machine.healed) befall()
    })
  }

  #tell(process: SimProcess, what: string, befall: () => void): void {
    this.#machine.history.tell({ kind: 'fault', life: process.life, what })
    befall()
  }

  #freeze(process: SimProcess): void {
    const { timeline, faultChance, world } = this.#machine
    const ms = Math.round(world.leaseMs * (0.2 + faultChance.fraction() * 2.5))
    this.#tell(process, `hears nothing for ${ms} ms`, () => process.freeze())
    timeline.after(ms, () => process.thaw())
  }

  #stepClock(process: SimProcess): void {
    const { faultChance } = this.#machine
    const ms = faultChance.maybe(0.3) ? -process.clock.wallOffsetMs : (faultChance.below(13) - 6) * HOUR_MS
    // Processes of one machine share its clock; on several machines, or in containers, they may not.
    const isShared = faultChance.maybe(0.7)
    const stepped = isShared ? this.#processes() : [process]
    if (isShared) this.#machine.wallOffsetMs += ms
    for (const each of stepped) {
      this.#tell(each, `has its clock stepped by ${ms} ms`, () => (each.clock.wallOffsetMs += ms))
    }
  }

  #fillDisk(): void {
    const machine = this.#machine
    const ms = 50 + machine.faultChance.below(1_500)
    machine.history.tell({ kind: 'fault', life: undefined, what: `the disk is full for ${ms} ms` })
    machine.diskFull = true
    machine.timeline.after(ms, () => (machine.diskFull = false))
  }

  #replaceBroken(): void {
    for (const process of this.#processes()) {
      if (!process.store.broken || process.stopping || process.frozen) continue
      if (this.#machine.faultChance.maybe(0.5)) process.die('for its store is gone')
      else this.#stop(process)
    }
  }
}
