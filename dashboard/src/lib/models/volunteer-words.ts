/** What the volunteer reads. No jargon: tile, answer, second computer, graphics card, processor. */
import { REASONS, type ReasonCode } from '@peercompute/job-specs'
import { count, plural } from './format.ts'
import type { ExecutorView, VolunteerSnapshot } from './volunteer.ts'

interface Words {
  readonly sentence: string
  readonly remedy: string
}

/** Where the catalogue's own words are a researcher's, these stand in. Everything else is the catalogue's. */
const PLAIN: Partial<Record<ReasonCode, Words>> = {
  user_paused: { sentence: 'You paused it.', remedy: 'Press Go on, and it takes up where it was.' },
  network_offline: {
    sentence: 'You are offline. Your computer is finishing what it has.',
    remedy: 'Its answers are kept here and sent when you are back.'
  },
  on_battery: {
    sentence: 'On battery, so it rests.',
    remedy: 'It goes on when you plug in. Or allow it on battery, under What you lend.'
  },
  battery_low: { sentence: 'The battery is low, so it rests.', remedy: 'It goes on when you plug in, or when the battery has recovered.' },
  device_in_use: {
    sentence: 'You are using this page, so it rests.',
    remedy: 'It goes on when nobody has touched the page for as long as you set.'
  },
  outside_schedule: { sentence: 'It is outside the hours that you set.', remedy: 'Wait, or change the hours under What you lend.' },
  quota_exceeded: {
    sentence: 'What you allowed for today is used up.',
    remedy: 'It goes on after midnight. Or allow more, under What you lend.'
  },
  gpu_paused: { sentence: 'Your graphics card rests, because you paused it.', remedy: 'Lend it again under What you lend.' },
  gpu_lost: {
    sentence: 'The graphics card stopped answering. Your processor has taken over.',
    remedy: 'Reload this page to try the card again.'
  },
  no_work_available: {
    sentence: 'No work for your computer right now.',
    remedy: 'When somebody publishes a job, your computer takes a part of it by itself.'
  },
  no_matching_work: {
    sentence: 'The waiting work needs something that this browser does not offer.',
    remedy: 'Most work runs in a current Chrome, Edge or Safari with its graphics card switched on.'
  },
  independence_unmet: {
    sentence: 'Your answers are in. Now a second computer has to find the same.',
    remedy: 'Nothing to do: your computer goes on by itself. A friend who opens this page helps at once.'
  },
  job_on_trial: {
    sentence: 'The waiting work is new, and a few other computers are trying it first.',
    remedy: 'When it runs well there, your computer gets a part by itself.'
  },
  kernel_not_compiling: {
    sentence: 'The waiting work does not run on computers like this one.',
    remedy: 'A newer browser or graphics driver may help; other work comes by itself.'
  },
  memory_too_small: {
    sentence: 'The waiting work needs more memory than this computer has.',
    remedy: 'Nothing to do: work that fits comes by itself.'
  },
  features_missing: {
    sentence: 'The waiting work needs a graphics card that can do more.',
    remedy: 'A newer browser or graphics card may do; other work comes by itself.'
  },
  class_not_wanted: {
    sentence: 'The waiting work wants answers from another kind of computer.',
    remedy: 'Nothing to do: work that fits comes by itself.'
  },
  lease_limit: { sentence: 'Your computer holds as many tiles as it may.', remedy: 'It gets more when these are sent.' },
  client_outdated: { sentence: 'This page is from an older version. The tile in hand is safe.', remedy: 'Reload the page.' },
  shutting_down: { sentence: 'Stopping.', remedy: 'Press Start to begin again.' },
  no_webgpu: {
    sentence: 'This browser does not offer your graphics card. Your processor can still help.',
    remedy: 'On Linux, Chrome may need the graphics setting switched on.'
  },
  banned: { sentence: 'Answers of this computer are no longer accepted here.', remedy: 'Ask whoever runs this address.' }
}

export function plainReason(code: ReasonCode): Words {
  return PLAIN[code] ?? REASONS[code]
}

export interface Lede {
  readonly sentence: string
  readonly note: string
}

/** The state sentence of the first page, and the line beneath. `lastTile` is the tile last finished. */
export function volunteerLede(snapshot: VolunteerSnapshot, lastTile: number | null, elsewhere: boolean): Lede {
  const done = snapshot.unitsDone
  const sofar = done === 0 ? '' : `${plural(done, 'tile', 'tiles')} done since it started.`
  switch (snapshot.phase) {
    case 'idle':
      return {
        sentence: 'Lend this computer to science.',
        note: 'For as long as this tab is open. Nothing is installed, no account is needed, and it never starts by itself.'
      }
    case 'starting':
      return { sentence: 'Connecting. This takes a second or two.', note: 'Next it looks at what your computer is good at.' }
    case 'computing':
      if (elsewhere)
        return { sentence: 'Your other tab is computing. This one shows the same.', note: 'Two tabs would only slow each other down.' }
      return {
        sentence: lastTile === null ? 'Your computer is on its first tile.' : `Your computer just finished tile ${count(lastTile)}.`,
        note: sofar || devicesSentence(snapshot.executors)
      }
    case 'waiting': {
      const words = plainReason(snapshot.reason ?? 'no_work_available')
      return {
        sentence: words.sentence,
        note: elsewhere ? `${words.remedy} Your other tab does the work; this one shows the same.` : words.remedy
      }
    }
    case 'paused': {
      const words = plainReason(snapshot.reason ?? 'user_paused')
      return { sentence: words.sentence, note: [words.remedy, sofar].filter(Boolean).join(' ') }
    }
    case 'finishing':
      return { sentence: 'Finishing the tile in hand.', note: 'Then it stops by itself.' }
    case 'stopped':
      return {
        sentence: done === 0 ? 'Stopped.' : `Stopped after ${plural(done, 'tile', 'tiles')}.`,
        note: 'Tiles in hand went to someone else. Answers that were sent stay sent.'
      }
    case 'failed':
      return { sentence: 'It could not start.', note: snapshot.failure ?? 'The reason is not known.' }
  }
}

export function executorName(executor: Pick<ExecutorView, 'kind' | 'software'>): string {
  if (executor.kind === 'webgpu') return executor.software ? 'Graphics in software' : 'Graphics card'
  return executor.kind === 'wasm' ? 'Processor, compiled' : 'Processor'
}

/** "Graphics card and processor are at work." */
export function devicesSentence(executors: readonly ExecutorView[]): string {
  const busy = executors.filter((executor) => executor.busyUnits > 0)
  if (busy.length === 0) return 'It waits for its next tile.'
  const names = new Intl.ListFormat('en', { type: 'conjunction' }).format(busy.map((executor) => executorName(executor).toLowerCase()))
  return `${names.charAt(0).toUpperCase()}${names.slice(1)} ${busy.length === 1 ? 'is' : 'are'} at work.`
}
