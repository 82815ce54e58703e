import { defineConfig } from 'vitest/config'

/** Tests drive real processes, sockets and browsers on a machine that may be busy with others; `npm test` names those that needed it. */
const SECOND_ATTEMPT = 1

/** Two at once also on two cores: most of their time is waiting for sockets and processes. */
const pairs = (name: string, include: string[], timeoutMs: number) => ({
  test: {
    name,
    include,
    environment: 'node' as const,
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    maxWorkers: 2,
    retry: SECOND_ATTEMPT
  }
})

/** Files that judge by the clock, or start browsers: one at a time, or they disturb each other. */
const alone = (name: string, include: string[], timeoutMs: number) => ({
  test: {
    name,
    include,
    environment: 'node' as const,
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    fileParallelism: false,
    retry: SECOND_ATTEMPT
  }
})

export default defineConfig({
  test: {
    projects: [
      pairs(
        'unit',
        [
          '{job-specs,kernels,ledger,p2p,worker-client,relay-coordinator,dashboard,cli,bench,scripts}/**/*.test.ts',
          'rooms/src/**/*.test.ts'
        ],
        60_000
      ),
      pairs('integration', ['tests/integration/**/*.test.ts', 'rooms/test/**/*.test.ts'], 120_000),
      alone('topology', ['tests/topology/**/*.test.ts'], 120_000),
      alone('fault', ['tests/{fault,security}/**/*.test.ts'], 180_000),
      alone('e2e', ['tests/e2e/**/*.test.ts'], 180_000),
      // Not part of `npm test`: each of these takes 5 to 12 minutes.
      alone('soak', ['tests/soak/**/*.test.ts'], 900_000)
    ]
  }
})
