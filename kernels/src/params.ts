/** Parameter values of a job: the manifest's defaults under what the researcher gave, checked. */
import { PeerComputeError } from '@peercompute/job-specs'
import type { KernelManifest, KernelParam, KernelParams } from './manifest.ts'

/** Throws JOB_INVALID, with the parameter as place, for an unknown name, a value out of range or values that do not fit together. */
export function resolveParams(manifest: KernelManifest, given: Readonly<Record<string, unknown>>): KernelParams {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(manifest.params, name)) {
      throw invalid(name, `The kernel ${manifest.name} has no parameter "${name}", only ${Object.keys(manifest.params).join(', ')}.`)
    }
  }
  const params: Record<string, number> = {}
  for (const [name, param] of Object.entries(manifest.params))
    params[name] = checked(name, param, given[name] === undefined ? param.default : given[name])
  const conflict = manifest.check(params)
  if (conflict !== null) throw invalid(undefined, conflict)
  return params
}

function checked(name: string, param: KernelParam, value: unknown): number {
  const kind = param.integer ? 'a whole number' : 'a number'
  if (typeof value !== 'number' || !(value >= param.min && value <= param.max) || (param.integer && !Number.isInteger(value))) {
    throw invalid(name, `The parameter "${name}" is ${JSON.stringify(value)}, but must be ${kind} from ${param.min} to ${param.max}.`)
  }
  return value
}

function invalid(name: string | undefined, sentence: string): PeerComputeError {
  return new PeerComputeError('JOB_INVALID', sentence, { place: { path: name === undefined ? 'params' : `params.${name}` } })
}
