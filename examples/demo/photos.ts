/** Photographs: the uploads as they came, and the thumbnails that the page shows. */
import { randomUUID } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { dataDir } from './settings.ts'

/** The widths of the thumbnails; the smallest is a square. */
export const WIDTHS = [96, 320, 640] as const

export const PHOTO_BYTES_MAX = 8 * 1024 * 1024
const PIXELS_MAX = 50_000_000
const FORMATS = new Set(['jpeg', 'png', 'webp', 'gif', 'heif'])

const uploads = join(dataDir, 'uploads')
/** Served as /thumbnails/. */
export const thumbnails = join(dataDir, 'thumbnails')

export async function openPhotos(): Promise<void> {
  await mkdir(uploads, { recursive: true })
  await mkdir(thumbnails, { recursive: true })
}

/** Keeps an upload and resolves to its id. Undefined when it is not a photograph. */
export async function keepPhoto(bytes: Buffer): Promise<string | undefined> {
  const { format, width, height } = await sharp(bytes)
    .metadata()
    .catch(() => ({ format: 'unknown', width: 0, height: 0 }))
  if (!FORMATS.has(format) || width * height > PIXELS_MAX) return undefined
  const id = randomUUID()
  // On the disk before the answer, like the task that needs it.
  await writeFile(join(uploads, id), bytes, { flush: true })
  return id
}

/** Makes one thumbnail. Repeatable: the file appears as a whole, and a second time looks like the first. */
export async function makeThumbnail(id: string, width: number): Promise<void> {
  const file = join(thumbnails, `${id}-${width}.webp`)
  const isSquare = width === WIDTHS[0]
  await sharp(join(uploads, id))
    .autoOrient()
    .resize(isSquare ? { width, height: width } : { width })
    .webp()
    .toFile(`${file}.part`)
  await rename(`${file}.part`, file)
}
