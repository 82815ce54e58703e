/** Requests that nobody honest sends, in groups. `refused`: 4xx with a problem of the catalogue. `harmless`: what is answered is said. */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { FRAME_MEDIA_TYPE } from '@peercompute/job-specs/protocol'
import type { JobSpec, SignedSpec } from '@peercompute/job-specs'
import type { RawRequest } from './raw-http.ts'

export interface AttackGroup {
  readonly name: string
  /** Answers that do no harm beside a refusal, and why. */
  readonly harmless?: { readonly statuses: readonly number[]; readonly because: string }
  /** The refusal comes before the body has gone out, and may be lost with the connection. */
  readonly mayBeCut?: true
  readonly requests: readonly RawRequest[]
}

export interface Ground {
  /** A job that is there, and a blob of it. */
  readonly job: string
  readonly blob: string
  readonly spec: JobSpec
  readonly signed: SignedSpec
  /** A listener that must hear nothing. */
  readonly canary: string
}

const JSON_TYPE = { 'content-type': 'application/json' }
const WRONG_TOKEN = { authorization: 'Bearer pc_wrong' }
const NOBODY = 'ab'.repeat(32)

const OUTSIDE: readonly string[] = [
  '../secret.txt',
  '../../../../../../etc/passwd',
  '..%2f..%2f..%2fetc%2fpasswd',
  '%2e%2e/%2e%2e/secret.txt',
  '%2e%2e%2f%2e%2e%2fsecret.txt',
  '..%5c..%5csecret.txt',
  '..\\..\\secret.txt',
  '%252e%252e%252fsecret.txt',
  '....//....//secret.txt',
  '..;/secret.txt',
  '%c0%ae%c0%ae/%c0%ae%c0%ae/secret.txt',
  '%uff0e%uff0e/secret.txt',
  '/etc/passwd',
  '//etc/passwd',
  '%2fetc%2fpasswd',
  'secret.txt%00.js',
  '%00',
  'C:%5cWindows%5cwin.ini',
  'file:%2f%2f%2fetc%2fpasswd',
  '../keys/admin-token.sha256',
  '..%2fkeys%2fadmin-token.sha256',
  `${NOBODY}%2f..%2f..%2fsecret.txt`,
  NOBODY.toUpperCase(),
  `${NOBODY}0`
]

function traversal(): AttackGroup {
  const routes = [
    '/api/v1/blobs/*',
    '/api/v1/jobs/*',
    '/api/v1/jobs/*/spec',
    '/api/v1/jobs/*/results',
    '/api/v1/jobs/*/values',
    '/api/v1/hosts/*/why',
    '/assets/*',
    '/*'
  ]
  const reads = routes.flatMap((route) => OUTSIDE.map((name) => ({ path: route.replace('*', () => name) })))
  const writes = OUTSIDE.map((name) => ({ method: 'PUT', path: `/api/v1/blobs/${name}`, body: 'owned' }))
  return { name: 'paths out of the folder', requests: [...reads, ...writes] }
}

const NO_NUMBERS: readonly string[] = [
  '-1',
  '1.5',
  '1e3',
  '0x10',
  'NaN',
  'Infinity',
  '',
  '%20',
  '1%20',
  '99999999999999999999',
  '9007199254740993',
  'true',
  'null',
  '%00',
  "1'%20OR%20'1'='1",
  '1;DROP%20TABLE%20jobs',
  '{"$gt":0}',
  '%F0%9D%9F%99',
  '../1'
]

function queries({ job }: Ground): AttackGroup {
  const places = [
    '/api/v1/jobs?limit=',
    `/api/v1/jobs/${job}/results?from=`,
    `/api/v1/jobs/${job}/results?limit=`,
    `/api/v1/jobs/${job}/results?format=`,
    `/api/v1/jobs/${job}/values?start=`,
    `/api/v1/jobs/${job}/values?count=`,
    `/api/v1/jobs/${job}/why?unit=`,
    '/api/v1/events?job='
  ]
  const twice = places.map((place) => ({ path: `${place}1&${place.slice(place.indexOf('?') + 1)}2` }))
  return {
    name: 'numbers that are none',
    requests: [...places.flatMap((place) => NO_NUMBERS.map((value) => ({ path: place + value }))), ...twice]
  }
}

function cursors(): AttackGroup {
  const values = ['-1', '0', NOBODY, '../..', '%00', '%ff', "'--", '{}', 'x'.repeat(200), 'x'.repeat(201), '[object%20Object]']
  return {
    name: 'cursors that nobody was given',
    harmless: {
      statuses: [200],
      because: 'a cursor is the place after which to go on; after an unknown one there is nothing or everything'
    },
    requests: values.map((value) => ({ path: `/api/v1/jobs?cursor=${value}` }))
  }
}

function ranges({ blob }: Ground): AttackGroup {
  const values = [
    'bytes=-',
    'bytes=abc',
    'bytes=9-1',
    'bytes=-0',
    'bytes=1e3-2e3',
    'bytes=99999999999999999999-',
    'bytes=0-99999999999999999999',
    'lines=1-2',
    'bytes=0x0-0x9',
    'bytes= 0-1',
    `bytes=${Array.from({ length: 1_000 }, (_, at) => `${at}-${at}`).join()}`
  ]
  return {
    name: 'parts that are none of a blob',
    harmless: { statuses: [200, 206, 416], because: 'RFC 9110: a Range that is not understood is ignored, one outside is a bare 416' },
    requests: values.map((range) => ({ path: `/api/v1/blobs/${blob}`, headers: { range } }))
  }
}

function tokens({ spec }: Ground): AttackGroup {
  const values = [
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    'bearer pc_x',
    'Basic YWRtaW46YWRtaW4=',
    'Bearer null',
    'Bearer undefined',
    'Bearer ../../keys',
    'Bearer a b',
    `Bearer ${'A'.repeat(5_000)}`,
    `Bearer pc_${'A'.repeat(43)}`,
    'Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ.',
    "Bearer ' OR 1=1 --",
    'Digest username="admin"',
    'Negotiate YII',
    `Bearer ${'0'.repeat(64)}`
  ]
  const body = JSON.stringify({ spec: { ...spec, revision: 999 } })
  return {
    name: 'tokens that are none',
    requests: values.flatMap((authorization) => [
      { method: 'POST', path: '/api/v1/jobs', headers: { ...JSON_TYPE, authorization }, body },
      { method: 'PUT', path: `/api/v1/blobs/${NOBODY}`, headers: { authorization }, body: 'x' },
      { path: '/metrics', headers: { authorization } }
    ])
  }
}

function types({ signed }: Ground): AttackGroup {
  const body = JSON.stringify(signed)
  const values = [
    'text/plain',
    'text/html',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
    'application/xml',
    '*/*',
    'json',
    ''
  ]
  return {
    name: 'content types of something else',
    requests: [
      ...values.map((type) => ({ method: 'POST', path: '/api/v1/jobs', headers: { 'content-type': type }, body })),
      ...['application/json', 'text/plain', 'application/octet-stream'].map((type) => ({
        method: 'POST',
        path: '/api/v1/work',
        headers: { 'content-type': type },
        body
      })),
      { method: 'POST', path: '/api/v1/work', headers: { 'content-type': FRAME_MEDIA_TYPE }, body }
    ]
  }
}

const NO_BODIES: readonly (string | Uint8Array)[] = [
  '{',
  '[',
  '[]',
  'null',
  '"x"',
  '1',
  'NaN',
  '{}{}',
  '{"a":1,}',
  "{'a':1}",
  '// x\n{}',
  '{"__proto__":{"admin":true}}',
  '{"constructor":{"prototype":{"admin":true}}}',
  '{"spec":{"__proto__":{"v":1}}}',
  '{"spec":1,"spec":2}',
  '{"spec":1e999}',
  '['.repeat(60_000),
  '{"a":'.repeat(12_000),
  Uint8Array.of(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d),
  Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0)
]

function bodies({ job }: Ground): AttackGroup {
  const paths = ['/api/v1/jobs', `/api/v1/jobs/${job}/pause`, `/api/v1/jobs/${job}/cancel`]
  return {
    name: 'bodies that are none',
    requests: paths.flatMap((path) => NO_BODIES.map((body) => ({ method: 'POST', path, headers: { ...JSON_TYPE, ...WRONG_TOKEN }, body })))
  }
}

function sizes({ job }: Ground): AttackGroup {
  const zeros = Buffer.alloc(64 * 1_048_576)
  const bombs = { gzip: gzipSync(zeros), deflate: deflateSync(zeros), br: brotliCompressSync(zeros) }
  const large = `{"spec":"${'x'.repeat(400_000)}"}`
  return {
    name: 'too large, announced or not, and compressed',
    mayBeCut: true,
    requests: [
      { method: 'POST', path: '/api/v1/jobs', headers: JSON_TYPE, body: large },
      { method: 'POST', path: `/api/v1/jobs/${job}/pause`, headers: JSON_TYPE, body: large },
      { method: 'POST', path: '/api/v1/jobs', headers: JSON_TYPE, body: large, chunked: true },
      { method: 'POST', path: `/api/v1/jobs/${job}/pause`, headers: JSON_TYPE, body: large, chunked: true },
      { method: 'POST', path: '/api/v1/work', headers: { 'content-type': FRAME_MEDIA_TYPE }, body: Buffer.alloc(6_000_000) },
      { method: 'POST', path: '/api/v1/work', headers: { 'content-type': FRAME_MEDIA_TYPE }, body: Buffer.alloc(6_000_000), chunked: true },
      ...Object.entries(bombs).flatMap(([encoding, body]) => [
        { method: 'POST', path: '/api/v1/jobs', headers: { ...JSON_TYPE, 'content-encoding': encoding }, body },
        { method: 'POST', path: '/api/v1/work', headers: { 'content-type': FRAME_MEDIA_TYPE, 'content-encoding': encoding }, body },
        { method: 'PUT', path: `/api/v1/blobs/${NOBODY}`, headers: { 'content-encoding': encoding }, body }
      ])
    ]
  }
}

function methods({ job, blob }: Ground): AttackGroup {
  const paths = [
    '/',
    '/api/v1/jobs',
    `/api/v1/jobs/${job}`,
    `/api/v1/jobs/${job}/spec`,
    `/api/v1/blobs/${blob}`,
    '/api/v1/work',
    '/api/v1/hosts',
    '/healthz'
  ]
  const requests = paths.flatMap((path) => ['DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'OPTIONS'].map((method) => ({ method, path })))
  return {
    name: 'methods that a route does not have',
    requests: [
      ...requests,
      { path: '/api/v1/work' },
      { path: `/api/v1/jobs/${job}/cancel` },
      { method: 'POST', path: `/api/v1/jobs/${job}` },
      { method: 'PUT', path: `/api/v1/jobs/${job}`, headers: { 'x-http-method-override': 'DELETE' } },
      { method: 'POST', path: `/api/v1/jobs/${job}?_method=DELETE`, headers: { 'x-http-method-override': 'DELETE' } }
    ]
  }
}

const SCRIPTS: readonly string[] = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  'javascript:alert(1)',
  "';alert(1)//",
  '{{constructor.constructor("alert(1)")()}}',
  '<svg/onload=alert(1)>',
  '\u202e<b>'
]

/** Fields that have a form. What is free text is looked at in the browser: stored-xss.test.ts. */
function fields({ spec, signed, canary }: Ground): AttackGroup {
  const urls = [
    canary,
    `${canary}/a.js`,
    'http://169.254.169.254/latest/meta-data',
    'file:///etc/passwd',
    'gopher://127.0.0.1:6379/_',
    `//${canary.slice(7)}`
  ]
  const values = [...SCRIPTS, ...urls]
  const specs = values.flatMap((value): object[] => [
    { ...spec, name: value },
    { ...spec, kernel: { ...spec.kernel, name: value } },
    { ...spec, params: { [value]: 1 } },
    { ...spec, outputs: [{ name: value, type: 'u32', shape: [1] }] },
    { ...spec, reduce: { kind: 'sum', output: value } },
    { ...spec, inputs: [{ name: 'data', type: 'u8', blob: { sha256: value, bytes: 1, chunkBytes: 1 } }] }
  ])
  const addresses = urls.flatMap((url): object[] => [
    { ...spec, callback: url },
    { ...spec, webhook: url },
    { ...spec, kernel: { ...spec.kernel, url } },
    { ...spec, kernel: { ...spec.kernel, js: { url } } },
    { ...spec, inputs: [{ name: 'data', type: 'u8', url }] }
  ])
  const post = (body: object) => ({ method: 'POST', path: '/api/v1/jobs', headers: JSON_TYPE, body: JSON.stringify(body) })
  return {
    name: 'scripts and addresses where names belong',
    requests: [
      ...[...specs, ...addresses].map((one) => post({ spec: one })),
      ...values.map((value) => post({ ...signed, author: value })),
      ...values.map((value) => post({ ...signed, sig: value }))
    ]
  }
}

export function attackGroups(ground: Ground): readonly AttackGroup[] {
  return [
    traversal(),
    queries(ground),
    cursors(),
    ranges(ground),
    tokens(ground),
    types(ground),
    bodies(ground),
    sizes(ground),
    methods(ground),
    fields(ground)
  ]
}
