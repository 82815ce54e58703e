/** What this computer's owner wants to lend. Kept at once, and carried out at once in whichever tab computes. */
import { presetLike, presetOf, type Preferences, type Preset } from '@peercompute/worker-client/preferences'
import { keepPreferences, onKeptElsewhere, readPreferences } from '../services/kept-preferences.ts'
import { volunteer } from './volunteer.svelte.ts'

class PreferencesView {
  now = $state.raw<Preferences>(readPreferences())
  readonly threads = navigator.hardwareConcurrency
  readonly preset = $derived(presetLike(this.now, this.threads))

  /** Returns the function that ends it. */
  follow(): () => void {
    this.now = readPreferences()
    return onKeptElsewhere(() => {
      this.now = readPreferences()
    })
  }

  set(part: Partial<Preferences>): void {
    this.now = { ...this.now, ...part }
    keepPreferences(this.now)
    void volunteer.command('reconsider')
  }

  choose(preset: Preset): void {
    this.set(presetOf(preset, this.threads))
  }
}

export const preferences = new PreferencesView()
