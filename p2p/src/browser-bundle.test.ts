import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { build } from 'vite'

it('bundles for browsers without any module of Node and without native code', async () => {
  const missing: string[] = []
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      lib: { entry: fileURLToPath(new URL('index.ts', import.meta.url)), formats: ['es'] },
      rolldownOptions: {
        onLog: (_, { message }) => {
          if (message.includes('externalized for browser')) missing.push(message)
        }
      }
    }
  })
  const chunks = (Array.isArray(result) ? result : [result])
    .flatMap((output) => ('output' in output ? output.output : []))
    .filter((file) => file.type === 'chunk')
  expect(chunks.length).toBeGreaterThan(0)
  const modules = chunks.flatMap(({ moduleIds }) => moduleIds)
  expect(modules.some((id) => id.includes('@libp2p/websockets'))).toBe(true)
  expect(
    modules.filter((id) =>
      /node_modules\/(ws|node-datachannel)\/|\/websockets\/dist\/src\/listener\.js|\/tcp\/dist\/src\/(tcp|listener|socket-to-conn)\.js|relay-node|one-port/.test(
        id
      )
    )
  ).toEqual([])
  expect(chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]).filter((id) => id.startsWith('node:'))).toEqual(
    []
  )
  expect(missing).toEqual([])
}, 60_000)
