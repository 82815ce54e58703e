/** The first Node that reads this program, which is TypeScript, as it is. The catalogue of errors is TypeScript, too, so its sentence stands here again. */
const MAJOR = 24

/** @param {string} version of Node. What to say when it is too old; else null. */
export function tooOld(version) {
  if (Number(version.split('.')[0]) >= MAJOR) return null
  return `error: Node.js is too old (RUNTIME_TOO_OLD)
  this is ${version}, and ${MAJOR} is needed
  Use npm start or npx peercompute, which bring their own Node 24.
`
}
