/** Signed specifications as the store keeps them: raw deflate with a dictionary of the words that all of them use. */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { SignedSpec } from '@peercompute/job-specs'

/** Larger specifications are not admitted. */
const SIGNED_MAX_BYTES = 1_048_576

/**
 * Part of the stored form: it is never edited, a better one is another column. The words that are used most stand last, where
 * references to them are shortest.
 */
const DICTIONARY = Buffer.from(
  [
    '"priority":,"requires":{"features":["shader-f16"],"limits":{"maxBufferSize":},"numericClass":"webgpu-"},',
    '"view":{"kind":"surface","output":"","columns":,"x":{"label":"","from":,"to":},"y":{"label":"","from":,"to":}},',
    '"view":{"kind":"image","output":"","columns":,"scale":"linear"},"view":{"kind":"number","label":""},',
    '"comparator":{"kind":"tolerance","absolute":,"relative":},"reduce":{"kind":"none"},"reduce":{"kind":"argmin","output":"',
    '{"author":"","spec":{"v":1,"name":"","title":"","description":"","researcher":"","revision":1,"kernel":{"name":"","abi":1,',
    '"wgsl":{"blob":{"sha256":"","bytes":,"chunkBytes":262144},"passes":[{"entry":"main","grid":[,1,1],"repeat":1}]},',
    '"js":{"blob":{"sha256":"","bytes":,"chunkBytes":262144}},"wasm":{"blob":{"sha256":"","bytes":,"chunkBytes":262144}}},',
    '"params":{"n":},"unitCount":,"inputs":[{"name":"","type":"f32","blob":{"sha256":"","bytes":,"chunkBytes":262144}}],"inputs":[],',
    '"outputs":[{"name":"","type":"u32","shape":[1]}],"verification":{"policy":"quorum","quorum":2,"independence":"owner","subnet","host",',
    '"comparator":{"kind":"exact"},"maxResults":8},"reduce":{"kind":"sum","output":""},',
    '"limits":{"unitSeconds":60,"outputBytes":,"memoryBytes":16777216},"unitOperations":},"sig":"'
  ].join('')
)

export function specBytes(signed: SignedSpec): Uint8Array {
  return deflateRawSync(JSON.stringify(signed), { dictionary: DICTIONARY, level: 9 })
}

/** The JSON of a signed specification. Throws when the bytes are none. */
export function specText(bytes: Uint8Array): string {
  return inflateRawSync(bytes, { dictionary: DICTIONARY, maxOutputLength: SIGNED_MAX_BYTES }).toString()
}
