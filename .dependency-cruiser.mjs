/** Imports point one way: each package may import only packages of a lower rank, and only through their `exports`. */
const ranks = [
  ['job-specs'],
  ['kernels', 'ledger'],
  ['p2p'],
  ['worker-client', 'relay-coordinator'],
  ['rooms'],
  ['dashboard', 'cli'],
  ['tests', 'bench']
]
const all = ranks.flat()
const folders = (names) => `^(${names.join('|')})/`

const direction = ranks.flatMap((names, rank) =>
  names.map((name) => ({
    name: `direction-${name}`,
    comment: `${name} imports only packages below it`,
    severity: 'error',
    from: { path: folders([name]) },
    to: {
      path: folders(
        ranks
          .slice(rank)
          .flat()
          .filter((other) => other !== name && !(name === 'bench' && other === 'tests'))
      )
    }
  }))
)

/** `library` may be imported only by files that match `only`. */
const only = (name, library, where, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: folders(all), pathNot: [where, '^tests/', '^bench/', '\\.test\\.ts$'] },
  to: { path: library }
})

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'resolves',
      comment: 'The import must exist and be in the package’s exports',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true }
    },
    ...direction,
    {
      name: 'through-exports',
      comment: 'Another package is imported by its name, never by a relative path into it',
      severity: 'error',
      from: { path: '^([^/]+)/' },
      to: {
        path: folders(all),
        pathNot: '^$1/',
        dependencyTypes: ['local'],
        dependencyTypesNot: ['localmodule', 'npm', 'aliased-workspace']
      }
    },
    {
      name: 'core-is-pure',
      comment: 'The core runs on the server, in the simulator and in the page: nothing but job-specs',
      severity: 'error',
      from: { path: '^relay-coordinator/src/core/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: ['^relay-coordinator/src/core/', '^job-specs/'] }
    },
    {
      name: 'contract-is-pure',
      comment: 'The contract has no I/O',
      severity: 'error',
      from: { path: '^job-specs/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] }
    },
    {
      name: 'page-is-not-node',
      comment: 'The dashboard runs in a browser',
      severity: 'error',
      from: { path: '^dashboard/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] }
    },
    only(
      'yjs-in-two-places',
      'node_modules/(yjs|y-indexeddb|y-protocols)/',
      '^(ledger/|worker-client/src/state/)',
      'Yjs carries the ledger and nothing else'
    ),
    only(
      'libp2p-in-one-place',
      'node_modules/(libp2p|@libp2p|@chainsafe/libp2p-[^/]+|@multiformats)/',
      '^p2p/',
      'Others import @peercompute/p2p'
    ),
    only(
      'fastify-in-the-shell',
      'node_modules/(fastify|@fastify|fastify-[^/]+)/',
      '^relay-coordinator/src/(http/|app\\.ts$|relay/relay-app\\.ts$)',
      'HTTP is an adapter'
    )
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^[^/]+/(dist|coverage)/|[.]as[.]ts$' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['svelte', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.svelte', '.d.ts']
    }
  }
}
