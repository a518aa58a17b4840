/**
 * Loaded before a program of ours (`node --import`), it plants the fault that the environment names into the sources as
 * they are read. Only the files that the plant names change, and only in this process and the ones that it starts.
 */
import { registerHooks } from 'node:module'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { edited } from './plant.ts'
import { PLANT_VARIABLE } from './planted.ts'
import { plantNamed } from './zoo.ts'

const root = join(import.meta.dirname, '../..')
const name = process.env[PLANT_VARIABLE]
const plant = name === undefined ? undefined : plantNamed(name)
if (name !== undefined && plant === undefined) throw new Error(`No plant is called "${name}".`)

if (plant !== undefined) {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.startsWith('file:') || loaded.source == null) return loaded
      const file = relative(root, fileURLToPath(url)).split(sep).join('/')
      if (!plant.edits.some((edit) => edit.file === file)) return loaded
      const source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source)
      return { ...loaded, source: edited(plant, file, source) }
    },
  })
}
