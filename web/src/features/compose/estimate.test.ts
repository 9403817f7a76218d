import { describe, expect, it } from 'vitest'
import type { Job, SongCard } from '@/api/types'
import { paceOf } from './estimate'

const job = (song_id: string, seconds: number, takes = 1) =>
  ({
    kind: 'sing',
    state: 'done',
    song_id,
    takes,
    started_at: '2026-01-01T00:00:00Z',
    finished_at: new Date(Date.parse('2026-01-01T00:00:00Z') + seconds * 1000).toISOString(),
  }) as Job
const song = (id: string, duration_s: number, model = 'starter') => ({ id, duration_s, model }) as SongCard

describe('the pace of a machine', () => {
  it('is the median per second of music and take', () => {
    const jobs = [job('a', 10), job('b', 80, 2), job('a', 300)]
    expect(paceOf(jobs, [song('a', 20), song('b', 20)], null)).toBe(2)
  })
  it('is of one model, and unknown without songs', () => {
    expect(paceOf([job('a', 10)], [song('a', 20, 'other')], 'starter')).toBeNull()
    expect(paceOf([job('gone', 10)], [], null)).toBeNull()
  })
})
