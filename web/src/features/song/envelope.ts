/** How loud an edited take is, when; the same straight fades as an export has. */
import type { TakeEdit } from '@/api/types'

export const PLAIN: TakeEdit = { start_s: null, end_s: null, fade_in_s: 0, fade_out_s: 0, gain_db: 0 }

export interface Point {
  /** Seconds after the beginning of what is played. */
  atS: number
  gain: number
}

export interface Played {
  startS: number
  lengthS: number
  points: Point[]
}

export const gainOf = (db: number): number => 10 ** (db / 20)

/** What of a take is played, from `fromS` of the whole take on, and its loudness between two points in a straight line. */
export function played(edit: TakeEdit, durationS: number, fromS = 0): Played {
  const first = Math.min(edit.start_s ?? 0, durationS)
  const last = Math.min(Math.max(first, edit.end_s ?? durationS), durationS)
  const length = last - first
  const rise = Math.min(edit.fade_in_s ?? 0, length)
  const fall = Math.min(edit.fade_out_s ?? 0, length)
  const gain = gainOf(edit.gain_db ?? 0)
  // Both fades may overlap: they multiply.
  const at = (seconds: number) =>
    gain *
    (rise > 0 ? Math.min(1, seconds / rise) : 1) *
    (fall > 0 ? Math.min(1, (length - seconds) / fall) : 1)
  const from = Math.min(Math.max(fromS, first), last) - first
  const times = [from, rise, length - fall, length].filter((time) => time >= from)
  const points = [...new Set(times)]
    .sort((a, b) => a - b)
    .map((time) => ({ atS: time - from, gain: at(time) }))
  return { startS: first + from, lengthS: length - from, points }
}

export const isPlain = (edit: TakeEdit): boolean =>
  edit.start_s == null && edit.end_s == null && !edit.fade_in_s && !edit.fade_out_s && !edit.gain_db

/** Stems that sound: those that are alone where any is, else all that are not silenced. */
export function audible(stems: readonly { id: string; muted: boolean; alone: boolean }[]): Set<string> {
  const alone = stems.filter((stem) => stem.alone && !stem.muted)
  const heard = stems.some((stem) => stem.alone) ? alone : stems.filter((stem) => !stem.muted)
  return new Set(heard.map((stem) => stem.id))
}
