/** What the GPU process sees of the environment: what Vulkan, Metal and the drivers ask for, and nothing else. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** Names that drivers and loaders read; a folder of the user is where drivers keep their compiled shaders. */
const KEPT =
  /^(?:HOME|TMPDIR|TEMP|TMP|SystemRoot|windir|LOCALAPPDATA|APPDATA|ProgramData|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|LD_LIBRARY_PATH)$/
const KEPT_PREFIX = /^(?:VK_|XDG_|MESA_|__GL_|__NV_|NVIDIA_|CUDA_VISIBLE|DRI_PRIME|LP_|RADV_|AMD_|INTEL_)/

/** Chromium brings a Vulkan that works on any processor. */
const CHROMIUM_FOLDERS = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome', '/opt/chromium']
const SOFTWARE_DRIVER = 'vk_swiftshader_icd.json'

/** `software`: also offer Chromium's software Vulkan where it is installed, after every driver of the system. */
export function gpuEnvironment(env: Environment, software: boolean): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => KEPT.test(name) || KEPT_PREFIX.test(name)))
  const folder = software ? CHROMIUM_FOLDERS.find((candidate) => existsSync(join(candidate, SOFTWARE_DRIVER))) : undefined
  if (folder === undefined || env.VK_DRIVER_FILES !== undefined) return kept
  const libraries = [env.LD_LIBRARY_PATH, folder].filter((part) => part !== undefined).join(':')
  return { ...kept, LD_LIBRARY_PATH: libraries, VK_ADD_DRIVER_FILES: join(folder, SOFTWARE_DRIVER) }
}
