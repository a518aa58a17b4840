/**
 * Generates a client of Prisma into a folder that git ignores: 90 kB of code for each database that nobody wrote, and that every
 * new version of Prisma writes anew. It takes a second, and no download.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const schema = readFileSync(new URL('account.prisma', import.meta.url), 'utf8')
const run = promisify(execFile)

/** A client that was generated for a test file. */
export interface GeneratedClient {
  /** Where it lies, below the root of the repository, so that it finds its packages. */
  readonly folder: string
  /** What `client.ts` in it exports. */
  readonly module: { readonly PrismaClient: new (options: { readonly adapter: object }) => unknown }
  remove(): void
}

/** Generates the client of test/sessions/prisma/account.prisma for one kind of database. */
export async function generateClient(provider: 'postgresql' | 'mysql'): Promise<GeneratedClient> {
  mkdirSync(join(root, 'data'), { recursive: true })
  const folder = mkdtempSync(join(root, 'data', `prisma-${provider}-`))
  const file = join(folder, 'schema.prisma')
  writeFileSync(file, schema.replace('"postgresql"', `"${provider}"`))
  const command = join(root, 'node_modules/prisma/build/index.js')
  await run(process.execPath, [command, 'generate', '--schema', file], {
    cwd: folder,
    env: {
      ...process.env,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      // Generating needs no such engine; Prisma downloads it all the same, unless it is told that there is one.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    },
  })
  const generated = join(folder, 'generated')
  return {
    folder: generated,
    module: (await import(pathToFileURL(join(generated, 'client.ts')).href)) as GeneratedClient['module'],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
