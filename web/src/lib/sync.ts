/** Where in the words, and in the form, a song is at some moment. */
import type { Line, Section } from '@/api/types'

interface Span {
  start_s: number
  end_s: number
}

/**
 * The span that sounds at a moment; -1 before the first. Between two spans it is the one that just ended, so that
 * nothing flickers in a breath; after a longer silence there is none.
 */
export function indexAt(spans: readonly Span[], positionS: number, breathS = 2): number {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (spans[middle]!.start_s <= positionS) low = middle + 1
    else high = middle
  }
  const span = spans[low - 1]
  return span && positionS < span.end_s + breathS ? low - 1 : -1
}

export const lineAt = (lines: readonly Line[], positionS: number): number => indexAt(lines, positionS)

export const sectionAt = (sections: readonly Section[], positionS: number): number =>
  indexAt(sections, positionS, 0)

/** [start, end] of a run of lines. */
export function spanOf(
  lines: readonly Line[],
  from: number,
  to: number,
): { startS: number; endS: number } | null {
  const run = lines.slice(Math.min(from, to), Math.max(from, to) + 1)
  const first = run[0]
  if (!first) return null
  return { startS: first.start_s, endS: Math.max(...run.map((line) => line.end_s)) }
}
