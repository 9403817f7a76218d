import { describe, expect, it } from 'vitest'
import type { Blueprint } from '@/api/types'
import { chordRows, chordsOf, edited, isChord, KEYS, withChord, withPlayer } from './plan'

const PLAN: Blueprint = {
  caption: 'folk',
  lyrics: '[verse]\nla',
  language: 'en',
  bpm: 100,
  key: 'C major',
  meter: 4,
  duration_s: 12,
  codes: [1, 2, 3],
  decided_by: { bpm: 'planner' },
  score: {
    bpm: 100,
    meter: 4,
    key: 'C major',
    style: 'folk',
    duration_s: 12,
    sections: [
      { tag: 'verse', bars: 2 },
      { tag: 'chorus', bars: 1 },
    ],
    chords: [
      { symbol: 'C', start: 0, length: 4 },
      { symbol: 'G/B', start: 4, length: 4 },
      { symbol: 'Am', start: 8, length: 4 },
    ],
    melody: [{ pitch: 60, start: 0, length: 1, syllable: 'la' }],
  },
}

describe('an edit of a plan', () => {
  it('names the person and leaves the rest', () => {
    const after = edited(PLAN, { caption: 'jazz' })
    expect(after.decided_by).toEqual({ bpm: 'planner', caption: 'person' })
    expect(after.score).toBe(PLAN.score)
    expect(after.codes).toEqual([1, 2, 3])
  })

  it('moves the score along with tempo and tonic', () => {
    const faster = edited(PLAN, { bpm: 120 })
    expect(faster.score?.bpm).toBe(120)
    expect(faster.duration_s).toBeCloseTo(10)
    expect(faster.codes).toBeNull()
    const higher = edited(PLAN, { key: 'Eb major' })
    expect(higher.score?.chords.map((chord) => chord.symbol)).toEqual(['Eb', 'Bb/D', 'Cm'])
    expect(higher.score?.melody?.[0]?.pitch).toBe(63)
    expect(edited(PLAN, { key: 'A major' }).score?.melody?.[0]?.pitch).toBe(57)
  })

  it('drops a score that can not follow', () => {
    for (const change of [
      { lyrics: 'lo' },
      { meter: 3 as const },
      { duration_s: 20 },
      { key: 'C minor' },
      { bpm: null },
    ])
      expect(edited(PLAN, change).score).toBeNull()
    expect(edited(PLAN, { lyrics: PLAN.lyrics }).score).not.toBeNull()
  })

  it('replaces one chord', () => {
    const after = withChord(PLAN, 1, 'Em')
    expect(after.score?.chords.map((chord) => chord.symbol)).toEqual(['C', 'Em', 'Am'])
    expect(PLAN.score?.chords[1]?.symbol).toBe('G/B')
  })
})

describe('players', () => {
  const withBand = (...band: string[]): Blueprint => ({ ...PLAN, score: { ...PLAN.score!, band } })

  it('change one at a time', () => {
    const plan = withBand('flute', 'piano')
    expect(withPlayer(plan, 0, 'oboe').score?.band).toEqual(['oboe', 'piano'])
    const after = withPlayer(plan, 1, 'harp')
    expect(after.score?.band).toEqual(['flute', 'harp'])
    expect(after.decided_by?.score).toBe('person')
    expect(plan.score?.band).toEqual(['flute', 'piano'])
  })

  it('are named where nobody was', () => {
    expect(withPlayer(PLAN, 0, 'oboe').score?.band).toEqual(['oboe', 'oboe'])
    expect(withPlayer({ ...PLAN, score: null }, 0, 'oboe').score).toBeNull()
  })
})

describe('chords', () => {
  it('stand in rows by section', () => {
    expect(chordRows(PLAN.score!).map((row) => [row.tag, row.cells.map((cell) => cell.symbol)])).toEqual([
      ['verse', ['C', 'G/B']],
      ['chorus', ['Am']],
    ])
  })

  it('are known by their symbols', () => {
    for (const symbol of ['C', 'F#m7b5', 'Bb/D', 'Gsus4', 'Ammaj7'])
      expect(isChord(symbol), symbol).toBe(true)
    for (const symbol of ['', 'H', 'c', 'Cmin', 'C/', 'C13']) expect(isChord(symbol), symbol).toBe(false)
  })

  it('follow a key', () => {
    expect(chordsOf('A minor')).toEqual(['Am', 'C', 'Dm', 'Em', 'E7', 'F', 'G'])
    expect(chordsOf('Bb major')[3]).toBe('Eb')
    expect(KEYS).toHaveLength(24)
    expect(KEYS).toContain('F# minor')
    expect(KEYS).toContain('Bb major')
  })
})
