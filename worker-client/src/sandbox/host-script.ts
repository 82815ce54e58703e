/**
 * The inline script of the sandbox document: our own code, and the only one that runs in the frame's window. `sandboxDocument`
 * puts the two program texts in front and pins the hash of the whole.
 */
import { frameBatches } from './frame-batches.ts'
import type { FrameMessage, FrameWord } from './frame-messages.ts'
import { unitHost } from './unit-host.ts'

declare const CPU_PROGRAM: string
declare const GPU_PROGRAM: string

// WebRTC is the one way out that the policy cannot close. A nested frame has another opaque origin and cannot give it back.
Reflect.deleteProperty(self, 'RTCPeerConnection')
Reflect.deleteProperty(self, 'webkitRTCPeerConnection')

const { tell, heard } = frameBatches<FrameMessage>((batch, transfer) => {
  parent.postMessage(batch, '*', transfer)
})
const obey = unitHost({
  programs: { cpu: CPU_PROGRAM, gpu: GPU_PROGRAM },
  tell,
  start(source, onData, onError) {
    const worker = new Worker(`data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`)
    worker.onmessage = ({ data }: MessageEvent<unknown>) => {
      onData(data)
    }
    worker.onerror = (event) => {
      event.preventDefault()
      onError(event.message, event.lineno)
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
addEventListener('message', ({ source, data }: MessageEvent<FrameWord>) => {
  if (source !== parent) return
  if (data.type === 'heard') heard()
  else obey(data)
})
tell({ type: 'ready' }, [])
