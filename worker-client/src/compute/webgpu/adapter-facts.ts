/** What is told of an adapter, as plain data: in a headless host the adapter lives in another process. */
import { z } from 'zod'
import { RAISED_LIMITS } from './gpu-device.ts'

const textSchema = z.string().max(200)

export const adapterFactsSchema = z.strictObject({
  info: z.strictObject({
    vendor: textSchema,
    architecture: textSchema,
    device: textSchema,
    description: textSchema,
    isFallbackAdapter: z.boolean()
  }),
  /** Sorted. */
  features: z.array(z.string().max(64)).max(64),
  /** The limits that a kernel may use as far as the adapter goes. */
  limits: z.record(z.enum(RAISED_LIMITS), z.number().min(0))
})
export type AdapterFacts = z.infer<typeof adapterFactsSchema>

export function adapterFacts({ info, features, limits }: GPUAdapter): AdapterFacts {
  const text = (words: string) => words.slice(0, 200)
  return {
    info: {
      vendor: text(info.vendor),
      architecture: text(info.architecture),
      device: text(info.device),
      description: text(info.description),
      isFallbackAdapter: info.isFallbackAdapter
    },
    features: [...features].sort().slice(0, 64),
    limits: Object.fromEntries(RAISED_LIMITS.map((limit) => [limit, limits[limit]])) as AdapterFacts['limits']
  }
}
