/**
 * What can be known about a database file before SQLite opens it.
 *
 * Only names and permissions are looked at (stat, access, statfs). Neither the database nor its `-wal` and `-shm` are
 * ever opened here or anywhere else outside of SQLite: closing any descriptor of a file drops all POSIX locks that the
 * process holds on it, the ones of SQLite included, and then two processes write at once.
 *
 * @source "How To Corrupt An SQLite Database File", section 2.2, https://www.sqlite.org/howtocorrupt.html
 */
import { access, constants, lstat, mkdir, open, readlink, realpath, stat, statfs } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { AfterwordError } from '../../model/errors.ts'

/** A place where a database can be opened. */
export interface Location {
  /** The file with every symbolic link resolved: two names of one file lead to the same text. */
  readonly file: string
  /** The folder that holds it, which exists. */
  readonly folder: string
  /** Whether the file is there already. */
  readonly exists: boolean
}

/** What is read of a file system: `type` is its magic number on Linux; sizes in blocks of `bsize` bytes. */
export type StatFileSystem = (path: string) => Promise<{ type: number; bsize: number; bavail: number }>

/**
 * File systems whose locks or shared memory do not reach every process that can see the file, by magic number.
 *
 * 9p is among them: it joins a virtual machine to its host (WSL's drives, QEMU shares), two kernels that share neither
 * locks nor memory. FUSE is not: one number stands for sshfs, but also for many local file systems (encryption,
 * NTFS, the shared folders of desktop containers, used by one kernel), and refusing them would refuse mostly good
 * disks. Overlay, ZFS and Btrfs are local. A shared block device under a cluster file system (OCFS2, GFS2) has
 * coherent locks, but its shared memory is per machine, so it is refused as well.
 *
 * @source statfs(2), linux/magic.h, and the sources of the file systems outside the kernel.
 */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x564c, 'NCP'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x01021997, '9p'],
  [0x7461636f, 'OCFS2'],
  [0x01161970, 'GFS2'],
  [0x0bd00bd0, 'Lustre'],
  [0x19830326, 'BeeGFS'],
  [0x47504653, 'GPFS'],
  [0xaad7aaea, 'PanFS'],
  [0x20030528, 'OrangeFS'],
  [0x786f4256, 'VirtualBox shared folder'],
  [0x7c7c6673, 'Parallels shared folder'],
])

/** SQLite allocates its shared memory by writing one byte in every 4096: below that, a block may stay a hole. */
const SHARED_MEMORY_STEP_BYTES = 4096
/** One region of shared memory is 32 KiB; the rest is for the log, and for others who write meanwhile. */
const ROOM_TO_OPEN_BYTES = 256 * 1024

const SYMLINKS_MAX = 40

/**
 * Checks that a database can live at `file`, and makes its folder if that is missing.
 *
 * @param file  as the application named it; relative names start at the working directory.
 * @param statFileSystem  asks for the file system below a path.
 * @throws STORE_NOT_WRITABLE  with the errno, owners and modes: no permission, a read-only disk, a folder or a device.
 * @throws STORE_NETWORK_FILESYSTEM  on Linux by the file system's number, on Windows by a name that begins with a
 *   host; other systems give no such number, and there it is not noticed.
 * @throws STORE_FULL  when so little room is left on a disk with blocks below 4096 bytes that SQLite would be killed by
 *   SIGBUS in its shared memory instead of reporting a full disk (measured on ext4 with 1 KiB blocks).
 */
export async function checkLocation(file: string, statFileSystem: StatFileSystem = statfs): Promise<Location> {
  try {
    const real = await resolveFile(file)
    const folder = dirname(real)
    const ground = await nearestExisting(folder)
    await refuseNetwork(file, real, ground, statFileSystem)
    const exists = await refuseOtherKinds(file, real)
    // Asked for first: mkdir reports a read-only disk as ENOENT when it makes several folders at once.
    await access(ground, constants.W_OK | constants.X_OK)
    const made = await mkdir(folder, { recursive: true })
    // Before there is a database: whoever finds one finds a folder that is on the disk.
    if (!exists) await syncFolders(dirname(folder), dirname(made ?? folder))
    await refuseNoAccess(real)
    return { file: real, folder, exists }
  } catch (error) {
    if (error instanceof AfterwordError) throw error
    throw new AfterwordError('STORE_NOT_WRITABLE', { file, reason: await explain(error, file) }, { cause: error })
  }
}

/**
 * Bytes that this process may still write on the disk of `file`, which need not exist; its folder must.
 *
 * @throws the error of `statfs` when the folder is missing.
 */
export async function freeBytes(file: string, statFileSystem: StatFileSystem = statfs): Promise<number> {
  const { bavail, bsize } = await statFileSystem(dirname(resolve(file)))
  return bavail * bsize
}

/**
 * Makes the names of folders durable, from `deepest` up to `top`. SQLite syncs the folder that holds its files, but not
 * those above it: after a power cut a folder that was just made may be gone, with all that was promised in it.
 */
async function syncFolders(deepest: string, top: string): Promise<void> {
  // Windows has no descriptors of folders, and writes their names down by itself.
  if (process.platform === 'win32') return
  for (let folder = deepest; ; folder = dirname(folder)) {
    const handle = await orUndefined(open(folder), 'EACCES')
    try {
      // Some file systems have nothing to sync there, and say so.
      await orUndefined(handle?.sync() ?? Promise.resolve(), 'EINVAL')
    } finally {
      await handle?.close()
    }
    if (folder === top || folder === dirname(folder)) return
  }
}

/**
 * Like realpath, but the end of the path, or what the last link leads to, may be missing.
 *
 * @param file  relative names start at the working directory.
 * @throws the error of `realpath` when a part of the path cannot be seen.
 */
export async function resolveFile(file: string): Promise<string> {
  let path = resolve(file)
  for (let links = 0; links < SYMLINKS_MAX; links++) {
    const found = await orUndefined(realpath(path))
    if (found !== undefined) return found
    const target = await orUndefined(readlink(path), 'EINVAL')
    if (target === undefined) return join(await resolveFolder(dirname(path)), basename(path))
    path = resolve(dirname(path), target)
  }
  throw new Error(`ELOOP: more than ${SYMLINKS_MAX} symbolic links in a row`)
}

async function resolveFolder(folder: string): Promise<string> {
  const found = await orUndefined(realpath(folder))
  return found ?? join(await resolveFolder(dirname(folder)), basename(folder))
}

/** The folder itself, or the one in which its missing part would be made. */
async function nearestExisting(folder: string): Promise<string> {
  const facts = await orUndefined(stat(folder))
  if (facts === undefined && dirname(folder) !== folder) return nearestExisting(dirname(folder))
  if (facts?.isFile()) throw Object.assign(new Error(`${folder} is a file`), { code: 'ENOTDIR' })
  return folder
}

/** `ground` is an existing folder of the file system on which the file will lie: nothing is made before this check. */
async function refuseNetwork(
  file: string,
  real: string,
  ground: string,
  statFileSystem: StatFileSystem,
): Promise<void> {
  if (process.platform === 'win32' && /^\\\\[^?.]/.test(real)) {
    throw new AfterwordError('STORE_NETWORK_FILESYSTEM', { file, type: 'a share of another host' })
  }
  if (process.platform !== 'linux') return
  const { type, bsize, bavail } = await statFileSystem(ground)
  // The kernel's field is signed on 32-bit machines, and then the numbers above 0x7fffffff arrive sign-extended.
  const network = NETWORK_FILE_SYSTEMS.get(type >>> 0)
  if (network !== undefined) throw new AfterwordError('STORE_NETWORK_FILESYSTEM', { file, type: network })
  if (bsize < SHARED_MEMORY_STEP_BYTES && bavail * bsize < ROOM_TO_OPEN_BYTES) {
    throw new AfterwordError('STORE_FULL', { file })
  }
}

/** @returns whether the file exists. */
async function refuseOtherKinds(file: string, real: string): Promise<boolean> {
  const facts = await orUndefined(stat(real))
  if (facts === undefined || facts.isFile()) return facts !== undefined
  const kind = facts.isDirectory()
    ? 'it is a folder'
    : 'it is neither a file nor missing (a device, a pipe or a socket)'
  throw new AfterwordError('STORE_NOT_WRITABLE', { file, reason: kind })
}

/**
 * SQLite opens a file without write permission read-only and says so at the first write only; a `-wal` that another
 * user left behind fails as late. So each is asked for here.
 */
async function refuseNoAccess(real: string): Promise<void> {
  for (const each of [real, `${real}-wal`, `${real}-shm`]) {
    await orUndefined(access(each, constants.R_OK | constants.W_OK))
  }
}

async function explain(error: unknown, file: string): Promise<string> {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? String(error.code) : ''
  const path = 'path' in error ? String(error.path) : resolve(file)
  if (code === 'EROFS') return `${code}, the file system of ${path} is mounted read-only`
  if (code === 'ENOTDIR' || code === 'EEXIST') return `${code}, a part of its path is a file, not a folder`
  if (code === 'ENOSPC') return `${code}, the disk is full and the folder cannot be made`
  if (code !== 'EACCES' && code !== 'EPERM') return error.message
  return `${code}, ${await owners(path)}`
}

/** Who owns what is in the way, and who asks. A path that cannot even be seen is described by its nearest parent. */
async function owners(path: string): Promise<string> {
  const facts = await lstat(path).catch(() => undefined)
  if (facts === undefined) {
    return dirname(path) === path ? `${path} cannot be seen` : owners(dirname(path))
  }
  const kind = facts.isDirectory() ? 'the folder' : 'the file'
  const mode = (facts.mode & 0o7777).toString(8).padStart(4, '0')
  const self =
    process.geteuid === undefined ? '' : `; this process runs as uid ${process.geteuid()}, gid ${process.getegid?.()}`
  return `${kind} ${path} belongs to uid ${facts.uid}, gid ${facts.gid}, mode ${mode}${self}`
}

/** Undefined when the thing asked about is not there (or when it fails with `alsoCode`); other errors stay errors. */
async function orUndefined<T>(answer: Promise<T>, alsoCode?: string): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || (alsoCode !== undefined && code === alsoCode)) return undefined
    throw error
  }
}
