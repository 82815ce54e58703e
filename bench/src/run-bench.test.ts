import { expect, it } from 'vitest'
import { singleRow, type Bench, type Part } from './bench.ts'
import { choose, runBench } from './run-bench.ts'

const part = (ids: readonly string[], measure?: Part['measure']): Part => ({
  ids,
  limitSeconds: 10,
  measure: measure ?? (async () => ({ rows: ids.map((id) => singleRow(id, 's', 1, null)), conditions: ['on paper'] }))
})
const bench = (...parts: Part[]): Bench => ({ name: 'paper', summary: '', parts })
const running = new AbortController().signal
const silent = (): void => undefined

it('choose() takes the parts of the wanted rows, by whole name or by its beginning up to a dot', () => {
  const parts = [part(['dial.ok', 'dial.median']), part(['dialect']), part(['sync.cold'])]
  expect(choose(bench(...parts), null)).toEqual({ parts, ids: ['dial.ok', 'dial.median', 'dialect', 'sync.cold'] })
  expect(choose(bench(...parts), ['dial'])).toEqual({ parts: [parts[0]], ids: ['dial.ok', 'dial.median'] })
  expect(choose(bench(...parts), ['sync.cold', 'dial.median'])).toEqual({ parts: [parts[0], parts[2]], ids: ['dial.median', 'sync.cold'] })
  expect(() => choose(bench(...parts), ['dia'])).toThrow(RangeError)
})

it('runBench() gives the wanted rows and each condition once', async () => {
  const chosen = choose(bench(part(['a.one', 'a.two']), part(['b'])), ['a.two', 'b'])
  const { rows, conditions } = await runBench(chosen, silent, running)
  expect(rows.map(({ id }) => id)).toEqual(['a.two', 'b'])
  expect(conditions).toBe('on paper')
})

it('runBench() rejects when a part does not give the row that it promised', async () => {
  const forgetful = part(['a'], async () => ({ rows: [], conditions: [] }))
  await expect(runBench(choose(bench(forgetful), null), silent, running)).rejects.toThrow('"a" was not measured')
})

it('runBench() stops what was started, latest first, when a part fails, is late or is interrupted', async () => {
  const stopped: string[] = []
  const stopping = new AbortController()
  const starts = (end: () => Promise<never>, limitSeconds = 10): Part => ({
    ids: ['a'],
    limitSeconds,
    measure: ({ after }) => {
      after(() => stopped.push('relay'))
      after(() => {
        throw new Error('is gone already')
      })
      after(() => stopped.push('browser'))
      return end()
    }
  })
  const never = (): Promise<never> => new Promise(() => undefined)
  await expect(runBench(choose(bench(starts(() => Promise.reject(new Error('no relay')))), null), silent, stopping.signal)).rejects.toThrow(
    'no relay'
  )
  await expect(runBench(choose(bench(starts(never, 0.01)), null), silent, stopping.signal)).rejects.toThrow('longer than 0.01 s')
  const interrupted = runBench(choose(bench(starts(never)), null), silent, stopping.signal)
  stopping.abort()
  await expect(interrupted).rejects.toThrow('stopped')
  expect(stopped).toEqual(['browser', 'relay', 'browser', 'relay', 'browser', 'relay'])
})
