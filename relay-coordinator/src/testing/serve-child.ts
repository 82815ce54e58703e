/** A coordinator in a process of its own, to be killed. Arguments: data folder. Prints its URL. */
import { serve } from '../serve.ts'

const [, , dataDir = ''] = process.argv
const server = await serve({ dataDir, port: 0 })
process.stdout.write(`${server.url}\n`)
