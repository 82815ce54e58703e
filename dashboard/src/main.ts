import { mount } from 'svelte'
import { z } from 'zod'
import App from './App.svelte'
import './lib/ui/tokens.css'
import './lib/ui/base.css'

// The policy of the page forbids eval; by default zod tries it, and Firefox reports that as an error.
z.config({ jitless: true })

const target = document.getElementById('app')
if (target === null) throw new Error('The page has no place for the application.')
mount(App, { target })
