/** The kernels of this library by name. */
import { keelingFit } from '../keeling-fit/manifest.ts'
import { mandelbrot } from '../mandelbrot/manifest.ts'
import { nQueens } from '../n-queens/manifest.ts'
import type { KernelManifest } from './manifest.ts'

export const kernelNames = ['keeling-fit', 'n-queens', 'mandelbrot'] as const
export type KernelName = (typeof kernelNames)[number]

export const registry: Readonly<Record<KernelName, KernelManifest>> = {
  'keeling-fit': keelingFit,
  'n-queens': nQueens,
  mandelbrot
}

export function isKernelName(name: string): name is KernelName {
  return Object.hasOwn(registry, name)
}
