import { stat } from 'node:fs/promises'
import { AfterwordError } from './model/errors.ts'
import type { SessionProvider, SessionProviders } from './model/session.ts'
import { resolveFile } from './stores/sqlite/file-checks.ts'

/**
 * Whether one of the sessions is on the file of the store: then the application has tables of its own in it.
 *
 * @param file  with every symbolic link resolved. It need not exist.
 * @throws STORE_OTHER_LIBRARY  when that session is not of `node:sqlite`: closing a file drops the locks of the whole process on
 *   it, and each library knows only of its own.
 * @source "How To Corrupt An SQLite Database File", section 2.2.1, https://www.sqlite.org/howtocorrupt.html
 */
export async function isSharedFile(file: string, sessions: readonly SessionProviders[]): Promise<boolean> {
  let isShared = false
  for (const [session, provider] of sessions.flatMap((providers) => Object.entries(providers))) {
    if (provider.file === undefined || !(await isSame(file, provider.file))) continue
    if (!isOfNode(provider)) {
      throw new AfterwordError('STORE_OTHER_LIBRARY', { file, session, library: provider.library })
    }
    isShared = true
  }
  return isShared
}

function isOfNode({ sqlite, library }: SessionProvider): boolean {
  return sqlite === undefined ? library === 'node:sqlite' : sqlite === 'node'
}

/** By name, and where both exist by what they are: a hard link or another spelling is another name of one file. */
async function isSame(file: string, other: string): Promise<boolean> {
  const named = await resolveFile(other).catch(() => other)
  if (named === file) return true
  const [one, two] = await Promise.all([identity(file), identity(named)])
  return one !== undefined && one === two
}

async function identity(path: string): Promise<string | undefined> {
  const facts = await stat(path, { bigint: true }).catch(() => undefined)
  return facts === undefined ? undefined : `${facts.dev}:${facts.ino}`
}
