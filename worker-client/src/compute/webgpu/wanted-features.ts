import type { JobSpec } from '@peercompute/job-specs'

/** WebGPU features by the WGSL extension that they allow. */
const FEATURE_OF: Readonly<Record<string, string>> = { f16: 'shader-f16', subgroups: 'subgroups' }

/** Features that the device must have: those that the job names, and those that its WGSL enables. `wgsl` has no comments. */
export function wantedFeatures({ requires }: JobSpec, wgsl: string): string[] {
  const enabled = [...wgsl.matchAll(/^[ \t]*enable\b([^;]*);/gm)].flatMap((match) => (match[1] ?? '').split(','))
  const features = enabled.flatMap((extension) => FEATURE_OF[extension.trim()] ?? [])
  return [...new Set([...(requires?.features ?? []), ...features])].sort()
}
