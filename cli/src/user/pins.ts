/** Root keys of coordinators, pinned at first contact (trust on first use): `pins.json`, address → root, shared with the volunteer. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PeerComputeError, rootIdSchema, verifyCoordinatorCertificate, type CoordinatorInfo, type RootId } from '@peercompute/job-specs'
import { z } from 'zod'

const pinsSchema = z.record(z.string(), rootIdSchema)
type Pins = z.infer<typeof pinsSchema>

export interface PinStore {
  all(): Promise<Readonly<Record<string, RootId>>>
  /**
   * Checks that this is the coordinator that was met here before, and remembers it at the first contact. `first`: it was the first.
   * Rejects with COORDINATOR_UNTRUSTED when the root differs or the certificate does not hold.
   */
  check(url: string, info: CoordinatorInfo): Promise<{ readonly first: boolean }>
  /** Resolves false when nothing was pinned for it. */
  forget(url: string): Promise<boolean>
}

export function createPinStore(folder: string): PinStore {
  const path = join(folder, 'pins.json')

  const read = async (): Promise<Pins> => {
    try {
      return pinsSchema.parse(JSON.parse(await readFile(path, 'utf8')))
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return {}
      throw new PeerComputeError('KEY_INVALID', `${path}: it does not hold pinned keys`, { cause })
    }
  }
  const write = async (pins: Pins): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const temporary = `${path}.${process.pid}.tmp`
    await writeFile(temporary, `${JSON.stringify(pins, undefined, 2)}\n`, { mode: 0o600 })
    await rename(temporary, path)
  }

  return {
    all: read,
    async check(url, info) {
      const pins = await read()
      const pinned = Object.hasOwn(pins, url) ? pins[url] : undefined
      if (pinned !== undefined && pinned !== info.root) {
        throw new PeerComputeError('COORDINATOR_UNTRUSTED', `${url} was pinned with root ${pinned} and now shows ${info.root}`)
      }
      if (!(await verifyCoordinatorCertificate(info.certificate, info.root))) {
        throw new PeerComputeError('COORDINATOR_UNTRUSTED', `${url}: the certificate of its operational key does not hold`)
      }
      if (pinned === undefined) await write({ ...pins, [url]: info.root })
      return { first: pinned === undefined }
    },
    async forget(url) {
      const { [url]: pinned, ...rest } = await read()
      if (pinned !== undefined) await write(rest)
      return pinned !== undefined
    }
  }
}
