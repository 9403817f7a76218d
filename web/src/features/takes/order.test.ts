import { describe, expect, it } from 'vitest'
import { matchedGain } from '@/features/player/store'
import { commandOf, shuffled } from './order'
import { quietest, presentTakes, takeNumbers } from './useTakes'
import type { Song } from '@/api/types'

describe('a blind order', () => {
  it('holds every take once and stays', () => {
    const items = ['a', 'b', 'c', 'd']
    expect([...shuffled(items, 7)].sort()).toEqual(items)
    expect(shuffled(items, 7)).toEqual(shuffled(items, 7))
  })
  it('puts each take in each place', () => {
    const firsts = new Set(Array.from({ length: 50 }, (_, seed) => shuffled([0, 1, 2], seed * 7919 + 1)[0]))
    expect(firsts.size).toBe(3)
  })
})

describe('keys of the comparison', () => {
  it('name takes by letter and number', () => {
    expect([commandOf('a', 2), commandOf('B', 2), commandOf('2', 2)]).toEqual([0, 1, 1])
    expect([commandOf('c', 2), commandOf('3', 2), commandOf('Enter', 2), commandOf('0', 2)]).toEqual([
      null,
      null,
      null,
      null,
    ])
  })
  it('go round and match', () => {
    expect([commandOf('s', 3), commandOf('n', 3)]).toEqual(['next', 'match'])
  })
})

describe('loudness', () => {
  it('is matched to the quietest, by turning down only', () => {
    const target = quietest([{ lufs: -14 }, { lufs: -20 }])
    expect(target).toBe(-20)
    expect(matchedGain(-14, target)).toBeCloseTo(0.501, 3)
    expect(matchedGain(-20, target)).toBe(1)
    expect(matchedGain(-30, target)).toBe(1)
  })
  it('is not matched where one is unknown', () => {
    expect(quietest([{ lufs: -14 }, { lufs: null }])).toBeNull()
    expect(quietest([{ lufs: -14 }])).toBeNull()
    expect(matchedGain(null, -20)).toBe(1)
  })
})

describe('takes', () => {
  const song = {
    all_takes: [
      { id: 'x', discarded_at: '2026' },
      { id: 'y', discarded_at: null },
    ],
  } as unknown as Song
  it('keep their number when others are discarded', () => {
    expect(presentTakes(song).map((take) => take.id)).toEqual(['y'])
    expect(takeNumbers(song).get('y')).toBe(2)
  })
})
