import { attacksOf } from './attack.ts'

/** From where job code runs. */
export const WORKER_ATTACKS = attacksOf(String.raw`
  # requests
  fetch                   await fetch(http)
  fetch-keepalive         await fetch(http, { mode: 'no-cors', keepalive: true })
  fetch-post              await fetch(http, { method: 'POST', mode: 'no-cors', body: 'data' })
  fetch-request           await fetch(new Request(http, { mode: 'no-cors' }))
  fetch-app               await fetch(app + '/' + name, { mode: 'no-cors' })
  xhr-sync                const x = new XMLHttpRequest(); x.open('GET', http, false); x.send()
  xhr-async               const x = new XMLHttpRequest(); x.open('POST', http); x.send('data')
  websocket               new WebSocket(ws)
  websocket-stream        await new WebSocketStream(ws).opened
  eventsource             new EventSource(http)
  webtransport            await new WebTransport('https://' + host + ':' + udp + '/').ready
  beacon                  navigator.sendBeacon(http, 'data')
  wasm-streaming          await WebAssembly.compileStreaming(fetch(http))
  font-face               await new FontFace('x', 'url(' + http + ')').load()
  notification            new Notification('x', { icon: http, image: http })
  rtc-stun                const c = new RTCPeerConnection({ iceServers: [{ urls: 'stun:' + host + ':' + udp }] }); c.createDataChannel('x'); await c.setLocalDescription()
  location                self.location = http

  # code from elsewhere
  import-scripts          importScripts(http)
  import-scripts-data     importScripts('data:text/javascript,' + encodeURIComponent('fetch("' + http + '")'))
  import                  await import(http)
  import-blob             await import(URL.createObjectURL(new Blob(['fetch("' + http + '")'], { type: 'text/javascript' })))
  import-data             await import('data:text/javascript,' + encodeURIComponent('fetch("' + http + '")'))
  import-app              await import(app + '/' + name)
  eval                    (0, eval)('fetch("' + http + '")')
  function                new Function('fetch("' + http + '")')()
  function-walk           [].constructor.constructor('fetch("' + http + '")')()
  function-async          await (async () => {}).constructor('await fetch("' + http + '")')()
  timeout-string          setTimeout('fetch("' + http + '")')

  # workers
  worker-http             new Worker(http)
  worker-blob             new Worker(URL.createObjectURL(new Blob(['fetch("' + http + '")'], { type: 'text/javascript' })))
  worker-data             new Worker('data:text/javascript,' + encodeURIComponent('fetch("' + http + '")'))
  worker-module           new Worker('data:text/javascript,' + encodeURIComponent('import "' + http + '"'), { type: 'module' })
  worker-fifty            const all = Array.from({ length: 50 }, () => new Worker('data:text/javascript,')); for (const w of all) w.terminate(); return all.length === 50
  shared-worker           new SharedWorker(http)
  service-worker          await navigator.serviceWorker.register(app + '/' + name)

  # what is kept, and what tells who computes
  indexeddb               return await new Promise((yes, no) => { const r = indexedDB.open('x'); r.onsuccess = () => yes(true); r.onerror = no })
  caches                  await caches.open('x'); return true
  opfs                    await navigator.storage.getDirectory(); return true
  locks                   return await navigator.locks.request('x', () => true)
  local-storage           localStorage.setItem('x', 'y'); return true
  broadcast               new BroadcastChannel('app').postMessage(name)
  usb                     await navigator.usb.getDevices(); return true
  hid                     await navigator.hid.getDevices(); return true
  fingerprint             return navigator.hardwareConcurrency > 0 || navigator.language.length > 0
  clock                   return Date.now() > 0 || performance.now() > 0

  # undoing the prelude
  redefine                Reflect.deleteProperty(globalThis, 'fetch'); globalThis.fetch(http)
  prototype               for (let o = globalThis; o !== null; o = Object.getPrototypeOf(o)) if (o.fetch) await o.fetch.call(globalThis, http)
`)

/** Declarations beside the job's module, before the prelude runs, that try to keep a name. Each is a program of its own. */
export const HOISTING_ATTACKS = attacksOf(String.raw`
  hoist-worker            function Worker() {}
  hoist-fetch             var fetch = globalThis.fetch
  hoist-let               let Set = class { has() { return true } }
  hoist-reflect           function Reflect() {}
  hoist-class             class Math {}
`)
