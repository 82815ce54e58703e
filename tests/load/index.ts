/** The load generator: light volunteers that speak the real protocol, from processes of their own and many loopback addresses. */
export { startGenerators, type Generators, type GeneratorsOptions } from './generators.ts'
export type { CoordinatorPlace, LinkKind } from './links.ts'
export { emptyTally, sumTallies, type Tally } from './tally.ts'
export { createLightHost, honestValue, type Honesty, type LightHost, type LightHostInit } from './light-host.ts'
export { loopbackAddress } from './dialled-address.ts'
export { AT_ONCE, type Pattern } from './volunteer.ts'
