import { appendFileSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PAGE = Buffer.alloc(4096)

/**
 * Fills a disk with a file of its own, but for some pages.
 *
 * @returns how to make room again.
 */
export function fillDisk(disk: string, pagesLeft = 0): { free(): void } {
  const filler = join(disk, 'filler')
  writeFileSync(filler, '')
  const { bavail, bsize } = statfsSync(disk)
  const pages = (bavail * bsize) / PAGE.length - pagesLeft
  appendFileSync(filler, Buffer.alloc(Math.max(0, pages) * PAGE.length))
  return {
    free() {
      truncateSync(filler)
      rmSync(filler)
    },
  }
}
