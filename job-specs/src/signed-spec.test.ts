/** Golden id and signature of a job, made with node:crypto from the canonical text written out by hand. */
import { expect, test } from 'vitest'
import { fromBase64Url, fromUtf8 } from './bytes.ts'
import { canonicalBytes } from './canonical.ts'
import type { JobId } from './ids.ts'
import { jobSpecSchema, SPEC_MAX_BYTES, type JobSpec } from './job.ts'
import { generateKeyPair, importPrivateKey } from './keys.ts'
import { jobIdOf, signSpec, verifySpec } from './signed-spec.ts'

/** PKCS#8 of the private key of 32 bytes 0x01. */
const author = await importPrivateKey(fromBase64Url('MC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB'))
const CANONICAL = `{"description":"","inputs":[],"kernel":{"abi":1,"js":{"blob":{"bytes":1,"chunkBytes":262144,"sha256":"${'ab'.repeat(32)}"}},"name":"n-queens"},"limits":{"memoryBytes":1048576,"outputBytes":1024,"unitSeconds":0.5},"name":"golden","outputs":[{"name":"count","shape":[1],"type":"u32"}],"params":{"n":10,"scale":[0.1,1e+21]},"reduce":{"kind":"none"},"researcher":"é","revision":1,"title":"Golden","unitCount":1000000000,"unitOperations":1000,"v":1,"verification":{"comparator":{"kind":"exact"},"independence":"host","maxResults":8,"policy":"quorum","quorum":2}}`
const JOB_ID = 'ff74298ee0599da343602fc50bfafdb9073c0a184537b13017f2e9ea039c3c69' as JobId
const SIGNATURE = 'oyV82efvkTaC2KWL3xRB1TK2C1uVgh2H4nHZtWMlCgrPdLaW6Z858cI2Poz6qg9QFWNPepi_Zen11gA2ou7zBw'

const spec: JobSpec = jobSpecSchema.parse({
  v: 1,
  name: 'golden',
  title: 'Golden',
  description: '',
  researcher: 'é',
  revision: 1,
  kernel: { name: 'n-queens', abi: 1, js: { blob: { sha256: 'ab'.repeat(32), bytes: 1, chunkBytes: 262_144 } } },
  params: { scale: [0.1, 1e21], n: 10 },
  unitCount: 1_000_000_000,
  inputs: [],
  outputs: [{ name: 'count', type: 'u32', shape: [1] }],
  verification: { policy: 'quorum', quorum: 2, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 },
  reduce: { kind: 'none' },
  limits: { unitSeconds: 0.5, outputBytes: 1024, memoryBytes: 1_048_576 },
  unitOperations: 1000
})

test('a specification has these canonical bytes, this id and this signature', async () => {
  expect(fromUtf8(canonicalBytes(spec))).toBe(CANONICAL)
  expect(jobIdOf(author.publicKey, spec)).toBe(JOB_ID)
  expect(await signSpec(author, spec)).toEqual({ author: author.publicKey, spec, sig: SIGNATURE })
})

test('the id changes with the author and with any part of the specification, and with nothing else', async () => {
  const other = await generateKeyPair({ extractable: false })
  expect(jobIdOf(other.publicKey, spec)).not.toBe(JOB_ID)
  expect(jobIdOf(author.publicKey, { ...spec, revision: 2 })).not.toBe(JOB_ID)
  expect(jobIdOf(author.publicKey, JSON.parse(CANONICAL) as JobSpec)).toBe(JOB_ID)
})

test('only the signature of the named author over this very specification holds', async () => {
  const signed = await signSpec(author, spec)
  expect(await verifySpec(signed)).toBe(true)
  expect(await verifySpec(signed, JOB_ID)).toBe(true)
  expect(await verifySpec(signed, '0'.repeat(64) as JobId)).toBe(false)
  expect(await verifySpec({ ...signed, spec: { ...spec, unitCount: 1 } })).toBe(false)
  const stranger = await signSpec(await generateKeyPair({ extractable: false }), spec)
  expect(await verifySpec({ ...signed, author: stranger.author })).toBe(false)
  expect(await verifySpec({ ...signed, sig: stranger.sig })).toBe(false)
})

test('a specification over 64 KiB does not hold, however well it is signed', async () => {
  const long = Array.from({ length: 64 }, (_, index) => 1 / (index + 3))
  const large = jobSpecSchema.parse({
    ...spec,
    params: Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`p${String(index)}`, long]))
  })
  expect(canonicalBytes(large).length).toBeGreaterThan(SPEC_MAX_BYTES)
  expect(await verifySpec(await signSpec(author, large))).toBe(false)
})
