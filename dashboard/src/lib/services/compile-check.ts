/** Compiles WGSL by this browser's own compiler, as the runtime would, and gives its messages in the author's lines. */
import { LAUNCH_WGSL, type KernelPass } from '@peercompute/job-specs'

export interface CompileMessage {
  readonly severity: 'error' | 'warning'
  readonly line: number
  readonly column: number
  readonly message: string
}
export type CompileOutcome =
  { readonly checked: true; readonly messages: readonly CompileMessage[]; readonly ms: number } | { readonly checked: false }

/** Lines that the runtime puts before the author's first. */
const PREFIX_LINES = LAUNCH_WGSL.split('\n').length - 1

/** `checked: false` where the browser offers no WebGPU. */
export async function compileCheck(code: string, passes: readonly KernelPass[]): Promise<CompileOutcome> {
  if (!('gpu' in navigator)) return { checked: false }
  const adapter = await navigator.gpu.requestAdapter()
  if (adapter === null) return { checked: false }
  const device = await adapter.requestDevice()
  try {
    const begun = performance.now()
    device.pushErrorScope('validation')
    const module = device.createShaderModule({ code: LAUNCH_WGSL + code })
    const info = await module.getCompilationInfo()
    const messages = info.messages
      .filter((message) => message.type !== 'info')
      .map((message): CompileMessage => ({
        severity: message.type === 'error' ? 'error' : 'warning',
        line: Math.max(1, message.lineNum - PREFIX_LINES),
        column: message.linePos,
        message: message.message
      }))
    await device.popErrorScope()
    if (!messages.some((message) => message.severity === 'error')) messages.push(...(await entryProblems(device, module, code, passes)))
    return { checked: true, messages, ms: performance.now() - begun }
  } finally {
    device.destroy()
  }
}

async function entryProblems(
  device: GPUDevice,
  module: GPUShaderModule,
  code: string,
  passes: readonly KernelPass[]
): Promise<CompileMessage[]> {
  const problems: CompileMessage[] = []
  for (const entry of new Set(passes.map((pass) => pass.entry))) {
    try {
      await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: entry } })
    } catch (error) {
      const line = code.split('\n').findIndex((text) => text.includes(`fn ${entry}`)) + 1
      problems.push({
        severity: 'error',
        line: Math.max(1, line),
        column: 1,
        message: `${entry}: ${error instanceof Error ? error.message : 'no pipeline could be made'}`
      })
    }
  }
  return problems
}
