import { readFileSync } from 'node:fs'

/**
 * Loads a peer from the packages of this folder. The name is no literal, so that neither the compiler nor the linter needs
 * the packages; what is used of them is described where it is used.
 */
export function load<T>(name: string): Promise<T> {
  return import(name) as Promise<T>
}

/** The version of an installed package; undefined when there is none. */
export function versionOf(name: string): string | undefined {
  try {
    const manifest = readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url), 'utf8')
    return (JSON.parse(manifest) as { readonly version: string }).version
  } catch {
    return undefined
  }
}
