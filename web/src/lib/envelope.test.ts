import { describe, expect, it } from 'vitest'
import { audible, gainOf, isPlain, PLAIN, played } from './envelope'

describe('an edited take', () => {
  it('is whole and plain by default', () => {
    expect(played(PLAIN, 10)).toEqual({
      startS: 0,
      lengthS: 10,
      points: [
        { atS: 0, gain: 1 },
        { atS: 10, gain: 1 },
      ],
    })
    expect(isPlain(PLAIN)).toBe(true)
    expect(isPlain({ ...PLAIN, gain_db: -3 })).toBe(false)
  })

  it('is trimmed, then faded in straight lines', () => {
    const edit = { start_s: 2, end_s: 8, fade_in_s: 1, fade_out_s: 2, gain_db: 0 }
    expect(played(edit, 10)).toEqual({
      startS: 2,
      lengthS: 6,
      points: [
        { atS: 0, gain: 0 },
        { atS: 1, gain: 1 },
        { atS: 4, gain: 1 },
        { atS: 6, gain: 0 },
      ],
    })
  })

  it('may begin in the middle of a fade', () => {
    const edit = { ...PLAIN, fade_in_s: 4 }
    const { startS, points } = played(edit, 10, 1)
    expect(startS).toBe(1)
    expect(points[0]).toEqual({ atS: 0, gain: 0.25 })
    expect(points[1]).toEqual({ atS: 3, gain: 1 })
  })

  it('has gain in decibels', () => {
    expect(gainOf(-6)).toBeCloseTo(0.501, 3)
    expect(played({ ...PLAIN, gain_db: 6 }, 4).points[0]!.gain).toBeCloseTo(1.995, 3)
  })

  it('ends where the sound does', () => {
    expect(played({ ...PLAIN, start_s: 4, end_s: 99 }, 10).lengthS).toBe(6)
    expect(played({ ...PLAIN, start_s: 20 }, 10).lengthS).toBe(0)
  })
})

describe('stems', () => {
  const stem = (id: string, muted = false, alone = false) => ({ id, muted, alone })
  it('are silenced, or alone', () => {
    expect([...audible([stem('a'), stem('b', true), stem('c')])]).toEqual(['a', 'c'])
    expect([...audible([stem('a'), stem('b', false, true), stem('c')])]).toEqual(['b'])
    expect([...audible([stem('a'), stem('b', true, true)])]).toEqual([])
  })
})
