/** STUN and TURN servers as an operator writes them: `URL`, or `URL,USER,CREDENTIAL`. */
import { z } from 'zod'

const urlSchema = z
  .string()
  .max(512)
  .regex(/^(stuns?|turns?):[^\s,]+$/, 'must begin with stun:, stuns:, turn: or turns:')

const serverSchema = z
  .strictObject({ urls: urlSchema, username: z.string().min(1).max(512).optional(), credential: z.string().min(1).max(512).optional() })
  // A browser refuses a TURN server without both, and with it the whole connection.
  .refine(({ urls, username, credential }) => !urls.startsWith('turn') || (username !== undefined && credential !== undefined), {
    message: 'a TURN server needs a user and a credential: turn:HOST:PORT,USER,CREDENTIAL'
  })

export const iceServerSchema = z.union([z.string().max(2_048).transform(split).pipe(serverSchema), serverSchema])

/** The credential is the rest, commas included. */
function split(text: string): { urls: string; username?: string | undefined; credential?: string | undefined } {
  const [, urls = text, username, credential] = /^([^,]*),([^,]*),(.*)$/s.exec(text) ?? []
  return username === undefined || credential === undefined ? { urls } : { urls, username, credential }
}
