import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Image } from './disk.ts'

/** Where the database lies below the recorded folder. */
export const DATABASE = join('data', 'tasks.db')

/**
 * Writes an image into an empty folder; what another image left there is removed. The `-shm` is not among the files: the
 * system made it, and SQLite makes it again.
 *
 * @param all  false: the database and its logs only; true: also what the processes leave to find each other.
 */
export function writeImage(image: Image, folder: string, all: boolean): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(dirname(join(folder, DATABASE)), { recursive: true })
  for (const [path, bytes] of image) {
    const isDatabase = path.startsWith(DATABASE) && !path.includes('.d/')
    if (!isDatabase && !all) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
}
