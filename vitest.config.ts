import { defineConfig } from 'vitest/config'

const node = (name: string, include: string[]) => ({ test: { name, include, environment: 'node' as const, testTimeout: 20_000 } })

export default defineConfig({
  test: {
    projects: [
      node('unit', ['{job-specs,kernels,ledger,p2p,worker-client,relay-coordinator,rooms,dashboard,cli,bench,scripts}/**/*.test.ts']),
      {
        test: {
          name: 'integration',
          include: ['tests/integration/**/*.test.ts'],
          environment: 'node',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false
        }
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          environment: 'node',
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false
        }
      }
    ]
  }
})
