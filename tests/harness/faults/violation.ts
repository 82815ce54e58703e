/** What a checker finds. One name for each promise that can be broken. */
export const promises = [
  /** What a client was told has happened is there. */
  'acknowledged-lost',
  /** A vote belongs to a report that somebody sent, with that digest. */
  'vote-invented',
  /** A settled unit is settled once, and what was read of it stays. */
  'settled-twice',
  /** As many agreeing votes as the quorum asks for, from independent holders. */
  'quorum-unmet',
  /** A unit is settled or errored, never both. */
  'settled-and-errored',
  /** The same lease was not given to two hosts. */
  'lease-given-twice',
  /** Credit is the sum over settled units of validated votes × credit of the unit, everywhere where it is told. */
  'credit-differs',
  /** A job has one price for all its units, fixed once and near to what was declared; store and audit log say the same. */
  'price-differs',
  /** Counters of jobs and hosts are what counting the rows gives. */
  'counter-differs',
  /** The audit log sums up to the store. */
  'audit-differs',
  /** The ledger settles nothing that the store has not, and nothing else. */
  'ledger-ahead',
  /** When all is at rest, the ledger tells all of it. */
  'ledger-behind',
  'database-damaged'
] as const
export type BrokenPromise = (typeof promises)[number]

export interface Violation {
  readonly promise: BrokenPromise
  /** Where and how, for whoever has to find out why. */
  readonly what: string
}
