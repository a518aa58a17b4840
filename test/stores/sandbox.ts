import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** An empty folder that other users may look into, removed after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'afterword-test-')))
  chmodSync(folder, 0o755)
  t.after(() => {
    // Fails where nothing is mounted, which is the usual case.
    spawnSync('umount', ['-l', folder], { stdio: 'ignore' })
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

/**
 * A temporary folder with a disk of its own, a tmpfs.
 *
 * @param options  of the mount, for example `size=2m`.
 * @returns undefined where mounting is not allowed; the test then skips itself with `NO_MOUNT`.
 */
export function temporaryDisk(t: TestContext, options: string): string | undefined {
  const folder = temporaryFolder(t)
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' })
  return status === 0 ? folder : undefined
}

/** Changes the options of a disk made by `temporaryDisk`, for example to `ro`. */
export function remount(folder: string, options: string): void {
  const { status } = spawnSync('mount', ['-o', `remount,${options}`, folder], { stdio: 'inherit' })
  if (status !== 0) throw new Error(`could not remount ${folder} with ${options}`)
}

/** Asks once per turn until the answer is yes; gives up, with an error, when the time of the test is over. */
export async function until(t: TestContext, isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    t.signal.throwIfAborted()
    await nextTurn()
  }
}

/** Why a test that needs a disk of its own is skipped. */
export const NO_MOUNT = 'mounting a tmpfs is not allowed here'
