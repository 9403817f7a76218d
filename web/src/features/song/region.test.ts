import { describe, expect, it } from 'vitest'
import { isWhole, joined, SHORTEST_S, tidy, withEnd, withStart } from './region'

describe('regions', () => {
  it.each([
    [
      { startS: 8, endS: 4 },
      { startS: 4, endS: 8 },
    ],
    [
      { startS: -3, endS: 99 },
      { startS: 0, endS: 30 },
    ],
    [
      { startS: 5, endS: 5 },
      { startS: 5, endS: 5.1 },
    ],
    [
      { startS: 31, endS: 40 },
      { startS: 29.9, endS: 30 },
    ],
    [
      { startS: 1.23456, endS: 2.34567 },
      { startS: 1.23, endS: 2.35 },
    ],
  ])('%j becomes %j', (from, to) => {
    expect(tidy(from, 30)).toEqual(to)
  })

  it('are always inside and never too short', () => {
    for (let at = -5; at < 40; at += 0.37)
      for (const other of [-1, 3.3, 29.99, 50]) {
        const { startS, endS } = tidy({ startS: at, endS: other }, 30)
        expect(startS).toBeGreaterThanOrEqual(0)
        expect(endS).toBeLessThanOrEqual(30)
        expect(endS - startS).toBeGreaterThan(SHORTEST_S - 0.011)
      }
  })

  it('are pushed along by an end that passes the other', () => {
    expect(withStart({ startS: 2, endS: 5 }, 6, 30)).toEqual({ startS: 6, endS: 6.1 })
    expect(withEnd({ startS: 2, endS: 5 }, 1, 30)).toEqual({ startS: 0.9, endS: 1 })
    expect(withEnd({ startS: 2, endS: 5 }, 7, 30)).toEqual({ startS: 2, endS: 7 })
  })

  it('join, and know when they are everything', () => {
    expect(joined({ startS: 2, endS: 5 }, { startS: 4, endS: 9 })).toEqual({ startS: 2, endS: 9 })
    expect(isWhole(null, 30)).toBe(true)
    expect(isWhole({ startS: 0, endS: 30 }, 30)).toBe(true)
    expect(isWhole({ startS: 1, endS: 30 }, 30)).toBe(false)
  })
})
