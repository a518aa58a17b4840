/**
 * What a disk may hold after a power cut.
 *
 * Going through a recording, it keeps for each file and each folder what is certainly on the disk (all that was done
 * before the last completed sync of it began) and what was done since, which the system may or may not have written by
 * itself. A folder is a file whose content is its names: a file that was made, renamed or deleted keeps its old name
 * until the folder is synced.
 *
 * An image is the certain part and a choice of the rest. Sectors of 512 bytes are written whole; apart from that anything
 * may have happened in any order. What was overwritten later need not be tried in other orders: dropping the later write
 * leaves the same.
 */
import { posix } from 'node:path'
import type { SeededChance } from '../support/chance.ts'
import type { Happening } from './recording.ts'

/**
 * What became of that which was not synced. `drop`: nothing of it was written. `some`: whole calls at random. `torn`: the
 * same, and sectors of one call at random. `keep`: all of it, which is what the death of the process alone leaves.
 */
export type Fate = 'drop' | 'some' | 'torn' | 'keep'

/** All fates. */
export const FATES: readonly Fate[] = ['drop', 'some', 'torn', 'keep']

/** Files by path, below the recorded folder; folders that exist without a file in them are left out. */
export type Image = ReadonlyMap<string, Uint8Array>

const SECTOR_BYTES = 512

type Change = Extract<Happening, { kind: 'write' | 'truncate' }>
type NameChange =
  | { readonly kind: 'link'; readonly name: string; readonly file: number }
  | { readonly kind: 'unlink'; readonly name: string }

interface Pending<C> {
  readonly at: number
  readonly change: C
}

/** Bytes that grow: a write past the end leaves zeros in between. */
class Content {
  bytes: Uint8Array
  size: number

  /** Copies what it is given: bytes of a file are a Buffer, whose slices would share their memory. */
  constructor(bytes: Uint8Array) {
    this.bytes = new Uint8Array(bytes)
    this.size = bytes.length
  }

  copy(): Content {
    return new Content(this.bytes.subarray(0, this.size))
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length
    this.#reserve(end)
    this.bytes.set(bytes, offset)
    this.size = Math.max(this.size, end)
  }

  truncate(size: number): void {
    this.#reserve(size)
    if (size < this.size) this.bytes.fill(0, size, this.size)
    this.size = size
  }

  #reserve(size: number): void {
    if (size <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(size, 2 * this.bytes.length))
    grown.set(this.bytes.subarray(0, this.size))
    this.bytes = grown
  }
}

interface FileState {
  readonly durable: Content
  pending: Pending<Change>[]
}

interface FolderState {
  readonly durable: Map<string, number>
  /** As the running system sees it. */
  readonly seen: Map<string, number>
  pending: Pending<NameChange>[]
}

/** The number that stands for a folder among the names of another. */
const FOLDER = -1

/** A disk that goes through a recording. */
export class Disk {
  readonly #happenings: readonly Happening[]
  readonly #files = new Map<number, FileState>()
  readonly #folders = new Map<string, FolderState>([['', { durable: new Map(), seen: new Map(), pending: [] }]])
  /** The paths of folders that were opened, by file number. */
  readonly #openFolders = new Map<number, string>()
  /** Where each sync that has not ended began. */
  readonly #syncs = new Map<number, number>()
  #at = 0

  /** @param before  what was on the disk when the recording began. */
  constructor(happenings: readonly Happening[], before: Image) {
    this.#happenings = happenings
    for (const [path, bytes] of before) {
      const file = this.#nextKnown--
      this.#files.set(file, { durable: new Content(bytes), pending: [] })
      const folder = this.#folder(posix.dirname(path), true)
      folder.durable.set(posix.basename(path), file)
      folder.seen.set(posix.basename(path), file)
    }
  }
  #nextKnown = -2

  /** Lets everything happen up to and including the happening of that index. */
  advance(to: number): void {
    for (; this.#at <= to; this.#at++) this.#apply(this.#happenings[this.#at]!, this.#at)
  }

  /** How many changes are neither on the disk for certain nor overwritten. */
  get unsynced(): number {
    const all = [...this.#files.values(), ...this.#folders.values()]
    return all.reduce((sum, { pending }) => sum + pending.length, 0)
  }

  /** What a cut at this moment may leave. */
  image(fate: Fate, chance: SeededChance): Image {
    const image = new Map<string, Uint8Array>()
    this.#fill('', fate, chance, image)
    return image
  }

  #fill(path: string, fate: Fate, chance: SeededChance, image: Map<string, Uint8Array>): void {
    const folder = this.#folders.get(path)!
    const names = new Map(folder.durable)
    for (const { change } of folder.pending) {
      if (!happens(fate, chance)) continue
      if (change.kind === 'link') names.set(change.name, change.file)
      else names.delete(change.name)
    }
    for (const [name, file] of names) {
      const full = posix.join(path, name)
      if (file === FOLDER) this.#fill(full, fate, chance, image)
      else image.set(full, this.#content(file, fate, chance))
    }
  }

  #content(number: number, fate: Fate, chance: SeededChance): Uint8Array {
    const file = this.#files.get(number)!
    const content = file.durable.copy()
    for (const { change } of file.pending) {
      if (change.kind === 'truncate') {
        if (happens(fate, chance)) content.truncate(change.size)
      } else if (fate !== 'torn') {
        if (happens(fate, chance)) content.write(change.offset, change.bytes)
      } else writeTorn(content, change.offset, change.bytes, chance)
    }
    return content.bytes.subarray(0, content.size)
  }

  #apply(happening: Happening, at: number): void {
    switch (happening.kind) {
      case 'open':
        return this.#open(happening, at)
      case 'write':
      case 'truncate':
        return void this.#files.get(happening.file)?.pending.push({ at, change: happening })
      case 'sync-begin':
        return void this.#syncs.set(happening.sync, at)
      case 'sync-end':
        return this.#synced(happening.file, this.#syncs.get(happening.sync)!)
      case 'unlink':
        return this.#rename(happening.path, undefined, at)
      case 'rename':
        return this.#rename(happening.path, happening.to, at)
      case 'make-folder':
        this.#folder(happening.path, false)
        return this.#link(happening.path, FOLDER, at)
      case 'mark':
    }
  }

  #open({ file, path, created, folder }: Extract<Happening, { kind: 'open' }>, at: number): void {
    if (folder) return void this.#openFolders.set(file, path)
    if (this.#files.has(file)) return
    const known = this.#folder(posix.dirname(path), true).seen.get(posix.basename(path))
    if (!created) {
      // It was there before the recording began: the number of the recorder takes the place of ours.
      const state = this.#files.get(known ?? 0)
      if (state === undefined) throw new Error(`${path} was there before the recording began, and nobody knows it.`)
      this.#files.set(file, state)
      return
    }
    this.#files.set(file, { durable: new Content(new Uint8Array(0)), pending: [] })
    this.#link(path, file, at)
  }

  #link(path: string, file: number, at: number): void {
    const folder = this.#folder(posix.dirname(path), true)
    const name = posix.basename(path)
    folder.seen.set(name, file)
    folder.pending.push({ at, change: { kind: 'link', name, file } })
  }

  #rename(path: string, to: string | undefined, at: number): void {
    const folder = this.#folder(posix.dirname(path), true)
    const name = posix.basename(path)
    const file = folder.seen.get(name)
    // A file that is not recorded: the -shm, a socket.
    if (file === undefined) return
    folder.seen.delete(name)
    folder.pending.push({ at, change: { kind: 'unlink', name } })
    if (to !== undefined) this.#link(to, file, at)
  }

  /** What happened to a file before `begun` is on the disk. */
  #synced(number: number, begun: number): void {
    const path = this.#openFolders.get(number)
    if (path !== undefined) {
      const folder = this.#folder(path === '' ? '.' : path, true)
      for (const { change } of before(folder.pending, begun)) {
        if (change.kind === 'link') folder.durable.set(change.name, change.file)
        else folder.durable.delete(change.name)
      }
      folder.pending = folder.pending.filter(({ at }) => at >= begun)
      return
    }
    const file = this.#files.get(number)!
    for (const { change } of before(file.pending, begun)) {
      if (change.kind === 'write') file.durable.write(change.offset, change.bytes)
      else file.durable.truncate(change.size)
    }
    file.pending = file.pending.filter(({ at }) => at >= begun)
  }

  /** The folder of that path; one that was there before the recording began is named in its parent. */
  #folder(path: string, existed: boolean): FolderState {
    const key = path === '.' ? '' : path
    const known = this.#folders.get(key)
    if (known !== undefined) return known
    const made: FolderState = { durable: new Map(), seen: new Map(), pending: [] }
    this.#folders.set(key, made)
    if (existed) {
      const parent = this.#folder(posix.dirname(key), true)
      parent.durable.set(posix.basename(key), FOLDER)
      parent.seen.set(posix.basename(key), FOLDER)
    }
    return made
  }
}

function before<C>(pending: readonly Pending<C>[], begun: number): readonly Pending<C>[] {
  return pending.filter(({ at }) => at < begun)
}

function happens(fate: Fate, chance: SeededChance): boolean {
  return fate === 'keep' || (fate !== 'drop' && chance.maybe(0.5))
}

function writeTorn(content: Content, offset: number, bytes: Uint8Array, chance: SeededChance): void {
  for (let from = 0; from < bytes.length;) {
    const upTo = Math.min(bytes.length, from + SECTOR_BYTES - ((offset + from) % SECTOR_BYTES))
    if (chance.maybe(0.5)) content.write(offset + from, bytes.subarray(from, upTo))
    from = upTo
  }
}
