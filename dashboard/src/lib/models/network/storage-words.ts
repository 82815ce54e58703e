/** What the browser promised about keeping this site's data. */
import { decimal } from '../format.ts'

export interface StorageReport {
  /** Null: the browser does not tell. */
  readonly persisted: boolean | null
  /** Whether it was asked, and what it answered. */
  readonly asked: 'not yet' | 'granted' | 'declined' | 'cannot be asked'
  readonly usageBytes: number | null
}

const MEGABYTE = 1e6

export function storageSentence({ persisted, asked, usageBytes }: StorageReport): string {
  const used =
    usageBytes === null ? '' : ` It holds ${usageBytes < MEGABYTE / 10 ? 'less than 0.1' : decimal(usageBytes / MEGABYTE, 2)} MB.`
  if (persisted === null || asked === 'cannot be asked') return `This browser does not say how long it keeps what is stored here.${used}`
  if (persisted) return `The browser keeps what is stored here until you remove it.${used}`
  if (asked === 'declined')
    return `The browser was asked to keep what is stored here and declined: it may remove it when the disk runs short. The key and unsent answers would be lost then.${used}`
  return `The browser may remove what is stored here when the disk runs short. It is asked to keep it when you press Start.${used}`
}
