/** Why a dial failed, in a few words. libp2p reports several addresses as one error of several. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join('; ')
  return error instanceof Error && error.message !== '' ? error.message : 'it does not answer'
}
