import { describe, expect, it } from 'vitest'
import type { Defaults } from '@/api/types'
import {
  BLANK,
  fromRequest,
  hasStyle,
  isReady,
  seedsOf,
  toggleStyle,
  toRequest,
  toSubmission,
  withExample,
} from './draft'

const defaults = (planner: string | null) => ({ planner }) as Defaults

describe('the request of a draft', () => {
  it('says nothing about what was left open', () => {
    expect(toRequest({ ...BLANK, caption: ' a waltz ' }, defaults(null))).toEqual({
      caption: 'a waltz',
      takes: 2,
    })
    expect(toRequest({ ...BLANK, mode: 'custom', caption: 'a waltz' }, defaults(null))).toEqual({
      caption: 'a waltz',
      takes: 2,
    })
  })

  it('asks for vocals without words only where a planner can write them', () => {
    expect(toRequest({ ...BLANK, caption: 'x' }, defaults('planner')).instrumental).toBe(false)
    expect(toRequest({ ...BLANK, caption: 'x' }, defaults(null)).instrumental).toBeUndefined()
    expect(toRequest({ ...BLANK, caption: 'x', instrumental: true }, defaults(null)).instrumental).toBe(true)
  })

  it('never sends lyrics with an instrumental, nor custom fields from simple mode', () => {
    const full = {
      ...BLANK,
      caption: 'x',
      lyrics: 'la la',
      bpm: 90,
      key: 'A minor',
      seedLocked: true,
      seed: '7',
    }
    expect(toRequest({ ...full, mode: 'custom', instrumental: true }, undefined)).not.toHaveProperty('lyrics')
    expect(toRequest({ ...full, mode: 'simple' }, undefined)).toEqual({ caption: 'x', takes: 2 })
  })

  it('carries every custom field', () => {
    const request = toRequest(
      {
        ...BLANK,
        mode: 'custom',
        caption: 'x',
        lyrics: '[verse]\nla',
        durationS: 45,
        language: 'en',
        bpm: 92,
        key: 'F# minor',
        meter: 3,
        model: 'starter',
        reference: { sha256: 'a'.repeat(64), name: 'n', durationS: 3 },
        adapters: [{ name: 'mine', weight: 0.5 }],
        takes: 3,
        seedLocked: true,
        seed: '4294967295',
        sampling: { steps: 8, guidance: null },
        usePlanner: false,
        master: false,
      },
      undefined,
    )
    expect(request).toEqual({
      caption: 'x',
      lyrics: '[verse]\nla',
      duration_s: 45,
      language: 'en',
      bpm: 92,
      key: 'F# minor',
      meter: 3,
      model: 'starter',
      reference: { sha256: 'a'.repeat(64) },
      adapters: [{ name: 'mine', weight: 0.5 }],
      takes: 3,
      seeds: [4294967295, 0, 1],
      sampling: { steps: 8 },
      planning: { use_planner: false },
      finish: { master: false },
    })
    expect(toRequest({ ...fromRequest(request) }, undefined)).toEqual(request)
  })

  it('has as many seeds as takes, or none', () => {
    expect(seedsOf({ seedLocked: true, seed: '5', takes: 3 })).toEqual([5, 6, 7])
    expect(seedsOf({ seedLocked: true, seed: 'x', takes: 1 })).toBeNull()
    expect(seedsOf({ seedLocked: false, seed: '5', takes: 1 })).toBeNull()
  })

  it('takes title and plan along', () => {
    const plan = { caption: 'p', lyrics: '', duration_s: 10 }
    expect(toSubmission({ ...BLANK, caption: 'x', title: ' Rain ', plan }, undefined)).toMatchObject({
      title: 'Rain',
      blueprint: plan,
    })
  })
})

describe('a draft', () => {
  it('is ready once there is something to sing', () => {
    expect(isReady(BLANK)).toBe(false)
    expect(isReady({ ...BLANK, lyrics: 'la' })).toBe(false)
    expect(isReady({ ...BLANK, mode: 'custom', lyrics: 'la' })).toBe(true)
  })

  it('toggles words of style whole', () => {
    expect(toggleStyle('', 'folk')).toBe('folk')
    expect(toggleStyle('Folk, warm', 'folk')).toBe('warm')
    expect(toggleStyle('folk rock', 'folk')).toBe('folk rock, folk')
    expect(hasStyle('folk rock', 'folk')).toBe(false)
  })

  it('opens the lyrics of an example', () => {
    expect(withExample({ title: 't', caption: 'c', lyrics: 'l' }).mode).toBe('custom')
    expect(withExample({ title: 't', caption: 'c' })).not.toHaveProperty('mode')
  })
})
