import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { exactInteger, exactJson, problemText } from './client'
import { applyEvent, isStale, withJob } from './events'
import { keys } from './keys'
import type { Job } from './types'

function job(change: Partial<Job>): Job {
  return {
    id: 'a',
    kind: 'sing',
    title: 't',
    song_id: 's',
    parent_take_id: null,
    state: 'queued',
    position: 0,
    stage: null,
    step: 0,
    steps: 0,
    take_number: 0,
    takes: 1,
    seconds_left: null,
    error: null,
    result: null,
    priority: 0,
    attempts: 0,
    cancel_requested: false,
    mine: true,
    created_at: '2026-01-01T00:00:00Z',
    started_at: null,
    finished_at: null,
    ...change,
  }
}

describe('the list of active jobs', () => {
  it('holds each job once, running first, then as they wait', () => {
    const waiting = [job({ id: 'b', position: 1 }), job({ id: 'c', position: 2 })]
    const list = withJob(waiting, job({ id: 'a', state: 'running', position: null }))
    expect(list.map((one) => one.id)).toEqual(['a', 'b', 'c'])
    expect(withJob(list, job({ id: 'c', position: 0 })).map((one) => one.id)).toEqual(['a', 'c', 'b'])
    expect(withJob(list, job({ id: 'a', state: 'done' })).map((one) => one.id)).toEqual(['b', 'c'])
  })
})

describe('news that crossed on the way', () => {
  const started = { started_at: '2026-01-01T00:00:01Z' }
  const done = job({ state: 'done', ...started, finished_at: '2026-01-01T00:00:09Z' })
  it('does not wake a finished job', () => {
    expect(isStale(done, job({ state: 'running', ...started }))).toBe(true)
  })
  it('lets a retry through', () => {
    expect(isStale(done, job({ state: 'queued' }))).toBe(false)
    expect(isStale(done, job({ state: 'running', attempts: 1, ...started }))).toBe(false)
    expect(isStale(job({ attempts: 2 }), job({ attempts: 1 }))).toBe(true)
  })
})

describe('an event', () => {
  let cache: QueryClient
  const stale = (key: readonly unknown[]) => cache.getQueryState(key)?.isInvalidated

  beforeEach(() => {
    cache = new QueryClient()
    for (const key of [
      keys.allSongs,
      keys.song('s'),
      keys.song('other'),
      keys.playlists,
      keys.models,
      keys.tags,
    ])
      cache.setQueryData(key, {})
    cache.setQueryData(keys.jobs('active'), [])
  })

  it('of a job reaches the job and the list', () => {
    applyEvent(cache, 'job', job({ state: 'running', step: 3 }) as unknown as Record<string, unknown>)
    expect(cache.getQueryData<Job>(keys.job('a'))?.step).toBe(3)
    expect(cache.getQueryData<Job[]>(keys.jobs('active'))).toHaveLength(1)
    expect(stale(keys.song('s'))).toBe(false)
    applyEvent(cache, 'job', job({ state: 'done', step: 3 }) as unknown as Record<string, unknown>)
    expect(cache.getQueryData<Job[]>(keys.jobs('active'))).toHaveLength(0)
    expect(stale(keys.song('s'))).toBe(true)
  })

  it('of a take or song touches that song and the lists', () => {
    applyEvent(cache, 'take', { id: 't', song_id: 's' })
    expect([stale(keys.song('s')), stale(keys.song('other')), stale(keys.allSongs)]).toEqual([
      true,
      false,
      true,
    ])
    expect(stale(keys.playlists)).toBe(false)
    applyEvent(cache, 'playlist', { id: 'p' })
    expect(stale(keys.playlists)).toBe(true)
  })
})

describe('an answer that was on its way when something happened', () => {
  it.each([
    ['the first', false],
    ['a later one', true],
  ])('is asked for again (%s)', async (_, known) => {
    const cache = new QueryClient()
    const gone = job({ state: 'running' })
    let last = [gone]
    let asked = 0
    const list = new QueryObserver<Job[]>(cache, {
      queryKey: keys.jobs('active'),
      staleTime: known ? Infinity : 0,
      queryFn: async () => {
        asked += 1
        const said = last
        await new Promise((done) => setTimeout(done, 20))
        return said
      },
    })
    const stop = list.subscribe(() => undefined)
    if (known) {
      await vi.waitFor(() => {
        expect(list.getCurrentResult().data).toHaveLength(1)
      })
      void list.refetch()
    }
    await new Promise((done) => setTimeout(done, 5))
    // The studio answers with what was so before; the job ends while that is under way.
    last = []
    const done = { state: 'done', finished_at: '2026-01-01T00:00:09Z' } as const
    applyEvent(cache, 'job', job(done) as unknown as Record<string, unknown>)
    await new Promise((done) => setTimeout(done, 60))
    expect(list.getCurrentResult().data).toEqual([])
    expect(asked).toBe(known ? 3 : 2)
    stop()
  })
})

describe('the client', () => {
  it('writes seeds beyond 2⁵³ without losing a digit', () => {
    expect(exactJson({ seed: exactInteger('9223372036854775807'), text: '"int-1"' })).toBe(
      '{"seed":9223372036854775807,"text":"\\"int-1\\""}',
    )
  })

  it('finds the words of a refusal', () => {
    expect(problemText({ detail: 'no' }, 400)).toBe('no')
    expect(problemText({ detail: [{ loc: ['body', 'bpm'], msg: 'too high' }] }, 422)).toBe('bpm: too high')
    expect(problemText(null, 502)).toContain('502')
  })
})
