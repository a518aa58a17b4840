import { accessSync, constants, mkdtempSync, realpathSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY = '/dev/shm'
/** A recording is some tens of megabytes, and several lie there at a time. */
const ROOM_BYTES = 1024 ** 3

/** An empty folder for recordings and images: in memory where there is room for them, for nothing of it has to last. */
export function workFolder(): string {
  return realpathSync(mkdtempSync(join(hasRoom(MEMORY) ? MEMORY : tmpdir(), 'afterword-power-')))
}

function hasRoom(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize >= ROOM_BYTES
  } catch {
    return false
  }
}
