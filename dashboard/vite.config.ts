import { svelte } from '@sveltejs/vite-plugin-svelte'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Where `vite dev` finds a running coordinator. */
const coordinator = process.env['PEERCOMPUTE_COORDINATOR'] ?? 'http://127.0.0.1:8400'

/**
 * `vite build` writes `dist/`, which the coordinator serves. `--mode fixture` replaces the volunteer by
 * `dev/fixture-volunteer.ts` and writes elsewhere: for looking at pages without a coordinator, never shipped.
 */
export default defineConfig(({ mode }) => ({
  root: here('.'),
  plugins: [svelte()],
  resolve: mode === 'fixture' ? { alias: { '@peercompute/worker-client/browser': here('./dev/fixture-volunteer.ts') } } : {},
  worker: { format: 'es' as const },
  build: {
    outDir: mode === 'fixture' ? 'node_modules/.fixture' : 'dist',
    emptyOutDir: true,
    target: 'es2024',
    // An inlined asset is a data: URL, which the content security policy of the page refuses.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1024
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      '/api': { target: coordinator, ws: false },
      '/sandbox.html': { target: coordinator },
      '/healthz': { target: coordinator }
    }
  }
}))
