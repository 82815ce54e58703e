/** The library's files, read from this package's folder. Node only; browsers take the blobs from a coordinator. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { blobRef, type ContentHash } from '@peercompute/job-specs'
import { parseMonths, recordBytes } from '../keeling-fit/record.ts'
import type { KernelManifest } from './manifest.ts'
import { registry, type KernelName } from './registry.ts'
import type { KernelPrograms } from './spec.ts'

/** A kernel with everything that a job of it needs. */
export interface LibraryKernel {
  readonly manifest: KernelManifest
  readonly programs: KernelPrograms
  /** Bytes of every program and input, by hash. */
  readonly blobs: ReadonlyMap<ContentHash, Uint8Array>
}

/** Absolute path of a file in the kernel's folder. */
export function kernelFile(name: KernelName, file: string): string {
  return fileURLToPath(new URL(`../${name}/${file}`, import.meta.url))
}

/** Reads programs and inputs. Rejects with the file system's error when the package is incomplete. */
export async function loadKernel(name: KernelName): Promise<LibraryKernel> {
  const blobs = new Map<ContentHash, Uint8Array>()
  const keep = (bytes: Uint8Array) => {
    const ref = blobRef(bytes)
    blobs.set(ref.sha256, bytes)
    return ref
  }
  const [wgsl, js, wasm, inputs] = await Promise.all([
    readFile(kernelFile(name, 'kernel.wgsl')),
    readFile(kernelFile(name, 'kernel.js')),
    readFile(kernelFile(name, 'kernel.wasm')),
    readInputs(name)
  ])
  const programs: KernelPrograms = {
    wgsl: keep(wgsl),
    js: keep(js),
    wasm: keep(wasm),
    inputs: Object.fromEntries(Object.entries(inputs).map(([input, bytes]) => [input, keep(bytes)]))
  }
  return { manifest: registry[name], programs, blobs }
}

async function readInputs(name: KernelName): Promise<Record<string, Uint8Array>> {
  if (name !== 'keeling-fit') return {}
  return { record: recordBytes(parseMonths(await readFile(kernelFile(name, 'data/co2-concentration.csv'), 'utf8'))) }
}
