import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The environment variable that names the plant. */
export const PLANT_VARIABLE = 'AFTERWORD_PLANT'

/** What starts a program with a plant in the sources that it loads; without a plant, what starts it as it is. */
export function planted(plant: string | undefined): { readonly execArgv: string[]; readonly env: NodeJS.ProcessEnv } {
  if (plant === undefined) return { execArgv: [], env: process.env }
  const load = pathToFileURL(join(import.meta.dirname, 'load.ts')).href
  return { execArgv: ['--import', load], env: { ...process.env, [PLANT_VARIABLE]: plant } }
}
