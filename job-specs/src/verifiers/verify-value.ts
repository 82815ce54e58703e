/** The built-in verifiers. Pure; randomness is passed in. */
import { unitValueBytes } from '../kernel.ts'
import type { JobSpec } from '../job.ts'
import type { BuiltInVerifier, Verdict } from '../verifier.ts'
import { outputElementsByName, type VerifierCase } from './elements.ts'
import { factors } from './factors.ts'
import { freivalds } from './freivalds.ts'
import { preimage } from './preimage.ts'
import { residual } from './residual.ts'
import { sorted } from './sorted.ts'

/** `inputs`: bytes by name. `random`: uniform in [0, 1), seeded after `value` had come. A value of another length does not pass. */
export function verifyValue(
  verifier: BuiltInVerifier,
  spec: JobSpec,
  unit: number,
  value: Uint8Array,
  inputs: ReadonlyMap<string, Uint8Array>,
  random: () => number
): Verdict {
  const wanted = unitValueBytes(spec.outputs)
  if (value.length !== wanted) return { pass: false, detail: `The value has ${value.length} bytes instead of ${wanted}.` }
  const given: VerifierCase = { spec, unit, outputs: outputElementsByName(spec.outputs, value), inputs, random }
  switch (verifier.kind) {
    case 'freivalds':
      return freivalds(verifier, given)
    case 'residual':
      return residual(verifier, given)
    case 'factors':
      return factors(verifier, given)
    case 'preimage':
      return preimage(verifier, given)
    case 'sorted':
      return sorted(verifier, given)
  }
}
