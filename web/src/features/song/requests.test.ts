import { describe, expect, it } from 'vitest'
import { exactJson } from '@/api/client'
import type { Take } from '@/api/types'
import { canRetake, offered, submission, wordsOf, type Common } from './requests'

const song = { id: 's1', caption: 'a waltz', lyrics: '[verse]\nold' }
const take = {
  id: 't1',
  sha256: 'a'.repeat(64),
  seed: '9223372036854775807',
  duration_s: 30,
  title: '',
  request: {
    task: { kind: 'compose' },
    caption: 'a waltz',
    seeds: [9, 10],
    takes: 2,
    duration_s: 30,
    model: 'starter',
    reference: { sha256: 'b'.repeat(64), path: null },
    sampling: { steps: 12 },
  },
  blueprint: {
    caption: 'a slow waltz, accordion',
    lyrics: '[verse]\nold words',
    language: 'en',
    bpm: 92,
    key: null,
    meter: 3,
    duration_s: 30,
    codes: [1, 2],
  },
} as unknown as Take
const common: Common = { takes: 1, model: null, words: wordsOf(take, song) }

describe('what tools ask for', () => {
  it('starts from the plan, and from the sound of the take', () => {
    const body = submission({ kind: 'repaint', startS: 4, endS: 8, strength: 0.5 }, take, song, common)
    expect(body).toMatchObject({ song_id: 's1', parent_take_id: 't1' })
    expect(body.request).toEqual({
      task: { kind: 'repaint', source: { sha256: take.sha256 }, start_s: 4, end_s: 8, strength: 0.5 },
      caption: 'a slow waltz, accordion',
      lyrics: '[verse]\nold words',
      instrumental: false,
      language: 'en',
      bpm: 92,
      meter: 3,
      takes: 1,
      reference: { sha256: 'b'.repeat(64) },
      sampling: { steps: 12 },
      model: 'starter',
    })
  })

  it('names no path, no seed and no length', () => {
    const text = exactJson(submission({ kind: 'cover', strength: 0.7 }, take, song, common))
    expect(text).not.toContain('path')
    expect(text).not.toContain('seeds')
    expect(text).not.toContain('duration_s')
  })

  it('keeps the plan only where it still holds', () => {
    const repaint = { kind: 'repaint', startS: 4, endS: 8, strength: 0.5 } as const
    expect(submission(repaint, take, song, common).blueprint).toBe(take.blueprint)
    const other = { ...common, words: { ...common.words, lyrics: '[verse]\nnew words' } }
    expect(submission(repaint, take, song, other).blueprint).toBeUndefined()
    expect(submission(repaint, take, song, other).request.lyrics).toBe('[verse]\nnew words')
    expect(
      submission({ kind: 'extend', beforeS: 0, afterS: 10 }, take, song, common).blueprint,
    ).toBeUndefined()
  })

  it('retakes with the seed to its last digit, and plays the task behind a retake', () => {
    const body = submission({ kind: 'retake', variance: 0.2 }, take, song, common)
    expect(exactJson(body.request.task)).toContain('"seed":9223372036854775807')
    const again = {
      ...take,
      request: {
        ...take.request,
        task: { kind: 'retake', again: { kind: 'compose' }, seed: 1, variance: 0.5 },
      },
    } as Take
    expect(submission({ kind: 'retake', variance: 0.2 }, again, song, common).request.task).toMatchObject({
      again: { kind: 'compose' },
    })
    expect(canRetake(take)).toBe(true)
    expect(canRetake({ ...take, seed: null })).toBe(false)
  })

  it('edits from what is sung now to what is asked', () => {
    const words = { caption: 'a fast polka', lyrics: '[verse]\nold words' }
    const { request } = submission({ kind: 'edit', strength: 0.5 }, take, song, { ...common, words })
    expect(request.caption).toBe('a fast polka')
    expect(request.task).toMatchObject({
      kind: 'edit',
      source_caption: 'a slow waltz, accordion',
      source_lyrics: '[verse]\nold words',
      window: [0.4, 1],
    })
  })

  it('leaves sampling behind with the checkpoint it was chosen for', () => {
    const { request } = submission({ kind: 'cover', strength: 1 }, take, song, { ...common, model: 'turbo' })
    expect(request.model).toBe('turbo')
    expect(request).not.toHaveProperty('sampling')
  })

  it('says so where nobody sings', () => {
    const words = wordsOf(
      { ...take, blueprint: { ...take.blueprint, lyrics: '[Instrumental]' } } as Take,
      song,
    )
    expect(words.lyrics).toBe('')
    const { request } = submission({ kind: 'cover', strength: 1 }, take, song, { ...common, words })
    expect(request.instrumental).toBe(true)
    expect(request).not.toHaveProperty('lyrics')
    expect(request).not.toHaveProperty('language')
  })

  it('works for a sound that was brought', () => {
    const brought = { ...take, seed: null, request: null, blueprint: null }
    const words = wordsOf(brought, song)
    expect(words).toEqual(song.lyrics ? { caption: 'a waltz', lyrics: '[verse]\nold' } : null)
    const body = submission({ kind: 'extract', track: 'vocals' }, brought, song, { ...common, words })
    expect(body.request.task).toEqual({ kind: 'extract', source: { sha256: take.sha256 }, track: 'vocals' })
    expect(offered(['extract', 'retake', 'compose'], brought)).toEqual(['extract'])
  })

  it('keeps a region inside the song', () => {
    const { request } = submission({ kind: 'repaint', startS: -1, endS: 99, strength: 1 }, take, song, common)
    expect(request.task).toMatchObject({ start_s: 0, end_s: 30 })
  })
})
