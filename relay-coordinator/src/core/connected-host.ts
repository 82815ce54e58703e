import type { AccountId, HostCertificate, HostDescription, HostId } from '@peercompute/job-specs'

/** A host that has proved its key, as the transport saw it. */
export interface ConnectedHost {
  readonly host: HostId
  readonly account: AccountId
  readonly label: string
  readonly description: HostDescription
  readonly certificate: HostCertificate
  /** IPv4 /24 or IPv6 /48 of the address that the coordinator saw, e.g. `127.0.0.0/24`. */
  readonly subnet: string
  /** It keeps its saved states, and can go on from those of others. */
  readonly resumes?: boolean
}
