/** The file system of one run of a WASI program: in memory, bounded, and gone after the unit. Runs inside the sandbox. */
import { Directory, Fd, File, Inode, OpenFile, PreopenDirectory, wasi } from '@bjorn3/browser_wasi_shim'
import type { TaskInput } from './cpu-task.ts'

/** What a name costs, so that empty files cannot fill the memory either. */
const ENTRY_BYTES = 1_024

/** Bytes that the program may still put into files. */
interface Quota {
  left: number
}

class QuotaFile extends File {
  readonly #quota: Quota
  /** Grows by doubling; `data` is the part that is used. */
  #room = new Uint8Array(0)

  constructor(quota: Quota) {
    super([])
    this.#quota = quota
  }

  /** False when the quota does not allow it. */
  resize(size: number): boolean {
    const grown = size - this.data.byteLength
    if (grown > this.#quota.left) return false
    this.#quota.left -= grown
    if (size > this.#room.byteLength) {
      const room = new Uint8Array(Math.max(size, 2 * this.#room.byteLength))
      room.set(this.data)
      this.#room = room
    } else {
      this.#room.fill(0, size)
    }
    this.data = this.#room.subarray(0, size)
    return true
  }

  write(offset: bigint, bytes: Uint8Array): { ret: number; nwritten: number } {
    if (offset < 0n) return { ret: wasi.ERRNO_INVAL, nwritten: 0 }
    const end = offset + BigInt(bytes.byteLength)
    if (end > this.size && !this.resize(Number(end))) return { ret: wasi.ERRNO_NOSPC, nwritten: 0 }
    this.data.set(bytes, Number(offset))
    return { ret: wasi.ERRNO_SUCCESS, nwritten: bytes.byteLength }
  }

  override path_open(oflags: number, _rights: bigint, flags: number): { ret: number; fd_obj: OpenFile } {
    if ((oflags & wasi.OFLAGS_TRUNC) !== 0) this.resize(0)
    const fd_obj = new OpenQuotaFile(this)
    if ((flags & wasi.FDFLAGS_APPEND) !== 0) fd_obj.fd_seek(0n, wasi.WHENCE_END)
    return { ret: wasi.ERRNO_SUCCESS, fd_obj }
  }
}

class OpenQuotaFile extends OpenFile {
  readonly #file: QuotaFile

  constructor(file: QuotaFile) {
    super(file)
    this.#file = file
  }

  override fd_allocate(offset: bigint, length: bigint): number {
    const end = offset + length
    if (end <= this.#file.size) return wasi.ERRNO_SUCCESS
    return this.#file.resize(Number(end)) ? wasi.ERRNO_SUCCESS : wasi.ERRNO_NOSPC
  }

  override fd_filestat_set_size(size: bigint): number {
    if (size < 0n) return wasi.ERRNO_INVAL
    return this.#file.resize(Number(size)) ? wasi.ERRNO_SUCCESS : wasi.ERRNO_NOSPC
  }

  override fd_write(bytes: Uint8Array): { ret: number; nwritten: number } {
    const written = this.#file.write(this.file_pos, bytes)
    this.file_pos += BigInt(written.nwritten)
    return written
  }

  override fd_pwrite(bytes: Uint8Array, offset: bigint): { ret: number; nwritten: number } {
    return this.#file.write(offset, bytes)
  }
}

class OpenInput extends OpenFile {
  override fd_allocate(): number {
    return wasi.ERRNO_BADF
  }
  override fd_filestat_set_size(): number {
    return wasi.ERRNO_BADF
  }
}

/** The job's bytes, shared by all units. */
class InputFile extends File {
  constructor(bytes: Uint8Array) {
    super([], { readonly: true })
    this.data = bytes
  }

  override path_open(oflags: number): { ret: number; fd_obj: OpenFile } {
    return { ret: (oflags & wasi.OFLAGS_TRUNC) === 0 ? wasi.ERRNO_SUCCESS : wasi.ERRNO_PERM, fd_obj: new OpenInput(this) }
  }
}

/** A folder in which nothing can be made. */
class InputDirectory extends Directory {
  override create_entry_for_path(): { ret: number; entry: Inode | null } {
    return { ret: wasi.ERRNO_ROFS, entry: null }
  }
}

class QuotaDirectory extends Directory {
  readonly #quota: Quota

  constructor(quota: Quota, contents: Map<string, Inode>) {
    super(contents)
    this.#quota = quota
  }

  /** The shim makes entries without bounds; ours takes their place. */
  override create_entry_for_path(path: string, isDirectory: boolean): { ret: number; entry: Inode | null } {
    const names = namesOf(path)
    const last = names.pop() ?? ''
    const folder = folderAt(this, names)
    if (folder instanceof InputDirectory) return { ret: wasi.ERRNO_ROFS, entry: null }
    if (this.#quota.left < ENTRY_BYTES) return { ret: wasi.ERRNO_NOSPC, entry: null }
    const made = super.create_entry_for_path(path, isDirectory)
    if (made.entry === null) return made
    this.#quota.left -= ENTRY_BYTES
    const entry = isDirectory ? new QuotaDirectory(this.#quota, new Map()) : new QuotaFile(this.#quota)
    folder?.contents.set(last, entry)
    return { ret: wasi.ERRNO_SUCCESS, entry }
  }
}

/** As the shim reads paths. */
function namesOf(path: string): string[] {
  const names: string[] = []
  for (const name of path.split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return names
}

function folderAt(root: Directory, names: readonly string[]): Directory | null {
  let folder: Inode | undefined = root
  for (const name of names) folder = folder instanceof Directory ? folder.contents.get(name) : undefined
  return folder instanceof Directory ? folder : null
}

/** Standard input. */
export function inputOf(bytes: Uint8Array): Fd {
  return new OpenInput(new InputFile(bytes))
}

/** A stream that the program writes and never reads: standard output and standard error. It claims to be a file, so that the C library collects lines. */
export class WrittenStream extends Fd {
  readonly #write: (bytes: Uint8Array) => void

  constructor(write: (bytes: Uint8Array) => void) {
    super()
    this.#write = write
  }

  override fd_fdstat_get(): { ret: number; fdstat: wasi.Fdstat | null } {
    return { ret: wasi.ERRNO_SUCCESS, fdstat: new wasi.Fdstat(wasi.FILETYPE_REGULAR_FILE, 0) }
  }

  override fd_write(bytes: Uint8Array): { ret: number; nwritten: number } {
    this.#write(bytes)
    return { ret: wasi.ERRNO_SUCCESS, nwritten: bytes.byteLength }
  }
}

export interface WasiDisk {
  /** `/`, with the inputs in `/in`, and `/out` and `/tmp` to write in. */
  readonly root: Fd
  /** Bytes of a file in `/out`; null when there is none. */
  output(name: string): Uint8Array | null
}

/** A new disk on which the program may put `bytes`. */
export function wasiDisk(inputs: readonly TaskInput[], bytes: number): WasiDisk {
  // The shim numbers files through the life of the worker; a program that looks must see the same numbers in every unit.
  Reflect.set(Inode, 'next_ino', 1n)
  const quota: Quota = { left: bytes }
  const out = new QuotaDirectory(quota, new Map())
  const files = new Map<string, Inode>(inputs.map(({ name, bytes: content }) => [name, new InputFile(content)]))
  const contents = new Map<string, Inode>([
    ['in', new InputDirectory(files)],
    ['out', out],
    ['tmp', new QuotaDirectory(quota, new Map())]
  ])
  const root = new PreopenDirectory('/', contents)
  root.dir = new QuotaDirectory(quota, contents)
  return {
    root,
    output(name) {
      const file = folderAt(root.dir, ['out'])?.contents.get(name)
      return file instanceof File ? file.data : null
    }
  }
}
