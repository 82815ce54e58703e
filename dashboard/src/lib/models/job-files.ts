/** Files that an author puts beside a job file, by name. Never changed in place, so that a view notices. */
export type FileBytes = Uint8Array<ArrayBuffer>
export type JobFiles = ReadonlyMap<string, FileBytes>

export const NO_FILES: JobFiles = new Map()

export function withFiles(files: JobFiles, added: Iterable<readonly [string, FileBytes]>): JobFiles {
  return new Map([...files, ...added])
}

export function withoutFile(files: JobFiles, name: string): JobFiles {
  return new Map([...files].filter(([other]) => other !== name))
}
