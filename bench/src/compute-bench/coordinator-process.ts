/** `serve` with the pages of the benchmark in the place of the dashboard. */
import { join } from 'node:path'
import { serve, type RunningServer } from '@peercompute/relay-coordinator'
import { answerCommands } from '@peercompute/tests/child'
import { sandboxDocumentApart } from '@peercompute/worker-client/sandbox/apart'

let server: RunningServer | undefined

const commands = {
  async start(folder: string) {
    server = await serve({
      dataDir: join(folder, 'data'),
      dashboardDir: join(folder, 'pages'),
      host: '127.0.0.1',
      port: 0,
      sandboxPage: sandboxDocumentApart
    })
    return { url: server.url, port: server.port }
  },
  stop: async () => {
    await server?.close()
  }
}
export type ComputeCoordinatorCommands = typeof commands

answerCommands(commands)
