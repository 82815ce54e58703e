/**
 * The error catalogue. Every refusal that a person or a program can meet is one of these.
 * `docs/ERRORS.md` lists exactly these codes (a test compares them).
 *
 * Exit codes of the CLI: 0 ok · 1 job failed · 2 usage · 3 invalid job · 4 not found · 5 not allowed · 6 unreachable ·
 * 7 deadline passed · 8 conflict · 9 environment · 130 interrupted (the job goes on).
 */
interface CatalogueEntry {
  /** HTTP status with which the API answers it. */
  readonly status: number
  readonly exit: number
  readonly title: string
  readonly remedy: string
}

function catalogue<const T extends Record<string, CatalogueEntry>>(table: T): T {
  return table
}

export const ERRORS = catalogue({
  JOB_FILE_UNREADABLE: {
    status: 400,
    exit: 3,
    title: 'The job file cannot be read',
    remedy: 'Check that it exists, is UTF-8 and is valid YAML or JSON.'
  },
  JOB_INVALID: {
    status: 400,
    exit: 3,
    title: 'The job is not valid',
    remedy: 'Correct the named field; docs/guides/job-file.md lists them all.'
  },
  JOB_TOO_LARGE: {
    status: 413,
    exit: 3,
    title: 'The job specification is too large',
    remedy: 'Keep it under 64 KiB: put data into inputs, not into params.'
  },
  JOB_SIGNATURE_INVALID: {
    status: 400,
    exit: 3,
    title: 'The signature of the job does not hold',
    remedy: 'Sign the specification again with the key named as author.'
  },
  JOB_NOT_FOUND: { status: 404, exit: 4, title: 'There is no such job', remedy: 'List the jobs with: peercompute list' },
  JOB_CLOSED: { status: 409, exit: 8, title: 'The job has ended', remedy: 'Publish it again with a higher revision.' },
  JOB_FAILED: {
    status: 409,
    exit: 1,
    title: 'The job ended without all of its units',
    remedy: 'See the failures by cause: peercompute why JOB'
  },
  KERNEL_COMPILE: { status: 422, exit: 3, title: 'The kernel does not compile', remedy: 'Correct the line that the compiler names.' },
  KERNEL_EXPORT: {
    status: 422,
    exit: 3,
    title: 'The JavaScript kernel has no usable export',
    remedy: 'Give it exactly one `export default` at the start of a line, and bundle its imports.'
  },
  KERNEL_DISAGREES: {
    status: 422,
    exit: 3,
    title: 'The versions of the kernel disagree',
    remedy: 'Correct one of them, or declare the tolerance that they need.'
  },
  KERNEL_BINDING: {
    status: 422,
    exit: 3,
    title: 'The kernel and the job name different buffers or parameters',
    remedy: 'Name the storage variables in group 1 like the inputs and outputs.'
  },
  OUTPUT_SIZE: {
    status: 422,
    exit: 3,
    title: 'The output does not have the declared size',
    remedy: 'Correct the declared shape, or what the kernel returns.'
  },
  UNIT_FAILED: { status: 422, exit: 3, title: 'The kernel failed on a unit', remedy: 'Read the message of the program.' },
  CAGE_UNAVAILABLE: {
    status: 422,
    exit: 3,
    title: 'Verifiers and comparators of jobs are not run here',
    remedy: 'Publish it to a coordinator: rooms run none. Or use policy credibility and a built-in comparator.'
  },
  CAGE_MISSING: {
    status: 503,
    exit: 9,
    title: 'The cage for foreign programs does not work on this machine',
    remedy: 'Install the packages again (npm ci), or bubblewrap (Debian: sudo apt-get install bubblewrap).'
  },
  VERIFIER_DISAGREES: {
    status: 422,
    exit: 3,
    title: "The job's own check does not pass the job's own results",
    remedy: 'Correct the verifier or the kernel.'
  },
  BLOB_NOT_FOUND: { status: 404, exit: 4, title: 'There is no such blob', remedy: 'Upload it first with PUT /api/v1/blobs/{sha256}.' },
  BLOB_MISMATCH: {
    status: 422,
    exit: 3,
    title: 'The bytes do not match the blob id',
    remedy: 'The id is the SHA-256 of the bytes; send them unchanged.'
  },
  BLOB_TOO_LARGE: { status: 413, exit: 3, title: 'The blob is too large', remedy: 'Split it: 256 MiB at most.' },
  RECEIPT_NOT_READY: {
    status: 503,
    exit: 6,
    title: 'The receipt is still being made',
    remedy: 'Ask again in a minute: all units of the job are read once.'
  },
  UNIT_NOT_SETTLED: {
    status: 404,
    exit: 4,
    title: 'The unit has no receipt',
    remedy: 'Only settled units have one. See where it is: peercompute why JOB/UNIT'
  },
  DOWNLOAD_UNREADABLE: {
    status: 400,
    exit: 2,
    title: 'The download cannot be read',
    remedy: 'Check the path. Downloads that can be verified are written by: peercompute results JOB --out FOLDER'
  },
  DOWNLOAD_INVALID: {
    status: 422,
    exit: 1,
    title: 'Something in the download does not hold',
    remedy: 'Do not use it: download it again from a coordinator that you trust, and verify that.'
  },
  TEAM_NAME_INVALID: {
    status: 400,
    exit: 2,
    title: 'This cannot be the name of a team',
    remedy: "Use 2 to 40 letters, digits, single spaces and . , & ' + _ - of one alphabet."
  },
  TEAM_STATEMENT_INVALID: {
    status: 400,
    exit: 3,
    title: 'The statement about a team does not hold',
    remedy: 'Set the clock of this machine, then sign it again with: peercompute team join NAME'
  },
  TEAM_STATEMENT_OLD: {
    status: 409,
    exit: 8,
    title: 'A later statement about a team has been taken',
    remedy: 'Look at it with: peercompute team show'
  },
  EXPORT_UNREADABLE: {
    status: 400,
    exit: 2,
    title: 'The file is not an export of credit',
    remedy: 'Make one with: peercompute credit export FILE'
  },
  EXPORT_INVALID: {
    status: 422,
    exit: 1,
    title: 'Something in the export of credit does not hold',
    remedy: 'Do not believe it; ask the coordinator for another one.'
  },
  REQUEST_INVALID: { status: 400, exit: 2, title: 'The request is not valid', remedy: 'See /api/openapi.json for the expected form.' },
  FRAME_INVALID: { status: 400, exit: 2, title: 'A message could not be read', remedy: 'Check the protocol version: docs/PROTOCOL.md.' },
  FRAME_TOO_LARGE: { status: 413, exit: 2, title: 'A message is larger than allowed', remedy: 'Report fewer units in one message.' },
  PROTOCOL_UNSUPPORTED: { status: 426, exit: 6, title: 'No common protocol version', remedy: 'Reload the page or update the program.' },
  HELLO_REQUIRED: { status: 401, exit: 5, title: 'The host has not introduced itself', remedy: 'Send a hello that answers the challenge.' },
  HELLO_INVALID: {
    status: 401,
    exit: 5,
    title: 'The introduction of the host does not hold',
    remedy: 'Certificate and signature must be made by the keys that they name.'
  },
  PROOF_OF_WORK_REQUIRED: {
    status: 401,
    exit: 5,
    title: 'A new host must bring a proof of work',
    remedy: 'Reload the page or update the program: current ones bring it by themselves.'
  },
  TOKEN_REQUIRED: { status: 401, exit: 5, title: 'A token is needed', remedy: 'Set PEERCOMPUTE_TOKEN, or pass --token.' },
  TOKEN_INVALID: {
    status: 403,
    exit: 5,
    title: 'The token is not accepted',
    remedy: 'Ask the operator for one; the admin token was printed at the first start of the coordinator.'
  },
  TOKEN_SCOPE: {
    status: 403,
    exit: 5,
    title: 'The token does not allow this',
    remedy: 'Use a token with the scope that the sentence names: peercompute tokens create --scope SCOPE'
  },
  RESEARCHER_REFUSED: {
    status: 403,
    exit: 5,
    title: 'The operator has refused this researcher',
    remedy: 'Ask the operator of the coordinator.'
  },
  REVOKED: {
    status: 403,
    exit: 5,
    title: 'The operator has revoked this job or its key',
    remedy: 'Ask the operator of the coordinator; a revocation is for good.'
  },
  QUOTA_EXCEEDED: {
    status: 429,
    exit: 5,
    title: 'The researcher has as much open work as is allowed',
    remedy: 'Wait until a job ends, cancel one that is not needed, or ask the operator for more.'
  },
  NOT_FOUND: { status: 404, exit: 4, title: 'There is nothing at this address', remedy: 'See /api/openapi.json.' },
  RATE_LIMITED: { status: 429, exit: 6, title: 'Too many requests', remedy: 'Wait as long as Retry-After says.' },
  COORDINATOR_UNREACHABLE: {
    status: 503,
    exit: 6,
    title: 'The coordinator does not answer',
    remedy: 'Is it running? Start it with npm start, or pass --coordinator URL.'
  },
  RECOVERING: {
    status: 503,
    exit: 6,
    title: 'The coordinator is recovering',
    remedy: 'Try again in a minute: it is asking its peers for what its database has lost.'
  },
  COORDINATOR_UNTRUSTED: {
    status: 502,
    exit: 5,
    title: 'The coordinator is not the one that was pinned',
    remedy: 'If its key was changed on purpose, remove the pin with: peercompute keys forget'
  },
  PEER_UNREACHABLE: { status: 503, exit: 6, title: 'The peer does not answer', remedy: 'It may have left; another one is asked.' },
  ROOM_LINK_INVALID: {
    status: 400,
    exit: 2,
    title: 'This is not a link to a room',
    remedy: 'Copy the whole link, with everything behind the #, from a member of the room.'
  },
  LEDGER_INVALID: {
    status: 422,
    exit: 1,
    title: 'Something in the ledger does not hold',
    remedy: 'Ask another peer for it and compare: peercompute ledger export FILE --relay ADDRESS'
  },
  LEDGER_FILE_UNREADABLE: {
    status: 400,
    exit: 2,
    title: 'The ledger file cannot be read',
    remedy: 'Check the path. Such files are written by: peercompute ledger export FILE'
  },
  LEDGER_FEED_NOT_FOUND: {
    status: 404,
    exit: 4,
    title: 'The ledger holds no such feed',
    remedy: 'See who writes in it with: peercompute ledger show --json'
  },
  STORE_FULL: {
    status: 503,
    exit: 6,
    title: 'The coordinator cannot write to its disk',
    remedy: 'Free space; nothing acknowledged is lost.'
  },
  STORE_DAMAGED: {
    status: 500,
    exit: 9,
    title: 'The stored data is damaged',
    remedy: 'Restore the last backup into an empty folder: peercompute restore FOLDER --data DIR'
  },
  STORE_TOO_NEW: {
    status: 500,
    exit: 9,
    title: 'The stored data was written by a newer version',
    remedy: 'Start the newer version, or restore a backup of before it: peercompute restore FOLDER --data DIR'
  },
  BACKUP_INVALID: {
    status: 400,
    exit: 9,
    title: 'This backup cannot be used',
    remedy: 'Use another one. A finished backup has a manifest.json, written by: peercompute backup FOLDER --data DIR'
  },
  PORT_IN_USE: { status: 500, exit: 9, title: 'The port is in use', remedy: 'Stop the other program, or pass --port.' },
  DATA_FOLDER_UNWRITABLE: {
    status: 500,
    exit: 9,
    title: 'The data folder cannot be written',
    remedy: 'Correct its permissions, or pass --data.'
  },
  DATA_FOLDER_LOCKED: {
    status: 500,
    exit: 9,
    title: 'Another coordinator uses the data folder',
    remedy: 'Stop it, or pass another --data.'
  },
  KEY_INVALID: {
    status: 400,
    exit: 9,
    title: 'The key file cannot be used',
    remedy: 'Restore it from the backup, or remove it to make a new identity.'
  },
  CONFIG_INVALID: { status: 400, exit: 2, title: 'A setting is not valid', remedy: 'See the --help of the command.' },
  RUNTIME_TOO_OLD: {
    status: 500,
    exit: 9,
    title: 'Node.js is too old',
    remedy: 'Use npm start or npx peercompute, which bring their own Node 24.'
  },
  TIMEOUT: { status: 504, exit: 7, title: 'It took longer than allowed', remedy: 'Raise --timeout; the job goes on.' },
  INTERNAL: { status: 500, exit: 1, title: 'The program met a state that it should not', remedy: 'Please report it with the lines above.' }
})

export type ErrorCode = keyof typeof ERRORS

/** Where in a file the trouble is. Lines and columns start at 1; `path` is the field, e.g. `verification.quorum`. */
export interface ErrorPlace {
  readonly file?: string
  readonly line?: number
  readonly column?: number
  readonly path?: string
}

/**
 * An expected refusal. `detail` is one sentence that says what was met and what was wanted, with the values.
 * Compare by `code`, never by text.
 */
export class PeerComputeError extends Error {
  override readonly name = 'PeerComputeError'
  readonly code: ErrorCode
  readonly detail: string
  readonly place: ErrorPlace | undefined

  constructor(code: ErrorCode, detail: string, options: { place?: ErrorPlace; cause?: unknown } = {}) {
    super(`${ERRORS[code].title}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.detail = detail
    this.place = options.place
  }
}

/** Problem details (RFC 9457) as the API sends them. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ErrorCode
  readonly remedy: string
  readonly place?: ErrorPlace
}

export function toProblem(error: PeerComputeError): Problem {
  const entry = ERRORS[error.code]
  return {
    type: `urn:peercompute:error:${error.code}`,
    title: entry.title,
    status: entry.status,
    detail: error.detail,
    code: error.code,
    remedy: entry.remedy,
    ...(error.place ? { place: error.place } : {})
  }
}
