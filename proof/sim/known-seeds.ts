import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GENERATOR } from './world.ts'

/** Seeds of `seeds.txt` that mean the same worlds as when they failed. */
export function knownSeeds(text: string = readFileSync(join(import.meta.dirname, 'seeds.txt'), 'utf8')): number[] {
  return text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('#')) return []
    const [generator, seed] = line.split(/\s+/).map(Number)
    if (!Number.isSafeInteger(generator) || !Number.isSafeInteger(seed)) throw new Error(`seeds.txt: got "${line}"`)
    return generator === GENERATOR ? [seed!] : []
  })
}
