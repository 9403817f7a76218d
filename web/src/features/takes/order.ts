/** The order of takes under letters: as they were made, or shuffled so that nobody knows which is which. */

/** A shuffle that is the same for the same seed, so that letters stay where they are while one listens. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const list = [...items]
  let state = seed >>> 0 || 1
  for (let at = list.length - 1; at > 0; at--) {
    // xorshift32
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    const other = (state >>> 0) % (at + 1)
    ;[list[at], list[other]] = [list[other] as T, list[at] as T]
  }
  return list
}

export const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** What a key asks for: a place among the takes, the next one, the loudness switch, or nothing. */
export function commandOf(key: string, takes: number): number | 'next' | 'match' | null {
  if (key.length !== 1) return null
  const at = LETTERS.indexOf(key.toUpperCase())
  if (at >= 0 && at < takes) return at
  const digit = Number(key)
  if (Number.isInteger(digit) && digit >= 1 && digit <= takes) return digit - 1
  if (key.toLowerCase() === 's') return 'next'
  if (key.toLowerCase() === 'n') return 'match'
  return null
}
