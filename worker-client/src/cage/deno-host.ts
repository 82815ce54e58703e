/** Entry of the cage's trusted script in Deno, which has no permission at all, nor have its workers. */
import { cageHost } from './cage-host.ts'

declare const CPU_PROGRAM: string
declare const Deno: {
  readonly stdin: { read(into: Uint8Array): Promise<number | null> }
  readonly stdout: { write(bytes: Uint8Array): Promise<number> }
  exit(code: number): never
  memoryUsage(): { readonly rss: number }
}

const receive = cageHost({
  program: CPU_PROGRAM,
  memoryBytes: () => Deno.memoryUsage().rss,
  async write(bytes) {
    for (let at = 0; at < bytes.byteLength;) at += await Deno.stdout.write(bytes.subarray(at))
  },
  start(source, onData, onError) {
    const worker = new Worker(`data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`, { type: 'module' })
    worker.onmessage = ({ data }: MessageEvent<unknown>) => {
      onData(data)
    }
    worker.onerror = (event) => {
      event.preventDefault()
      // Deno reads a module before V8 does, shows the line and the whole address, and has the place only at the end of the text.
      const [message = ''] = event.message.split('\n', 1)
      onError(message, event.lineno > 0 ? event.lineno : Number(/:(\d+):\d+\s*$/.exec(event.message)?.[1] ?? 0))
    }
    return {
      post: (order) => {
        worker.postMessage(order)
      },
      terminate: () => {
        worker.terminate()
      }
    }
  }
})

async function listen(): Promise<void> {
  const piece = new Uint8Array(65_536)
  for (let length = await Deno.stdin.read(piece); length !== null; length = await Deno.stdin.read(piece)) receive(piece.slice(0, length))
}
// The volunteer's program ended, or what it said cannot be read: nothing more is wanted.
listen().then(
  () => Deno.exit(0),
  () => Deno.exit(70)
)
