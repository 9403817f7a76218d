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

/** The stretch of a take that is played. */
export function spanOf(
  edit: TakeEdit | null | undefined,
  durationS: number,
): { startS: number; endS: number } {
  const startS = Math.min(edit?.start_s ?? 0, durationS)
  return { startS, endS: Math.min(Math.max(startS, edit?.end_s ?? durationS), durationS) }
}

/** How loud it is at a moment of the whole take. Both fades may overlap: they multiply. */
export function gainAt(edit: TakeEdit, durationS: number, atS: number): number {
  const { startS, endS } = spanOf(edit, durationS)
  const rise = Math.min(edit.fade_in_s ?? 0, endS - startS)
  const fall = Math.min(edit.fade_out_s ?? 0, endS - startS)
  const share = (length: number, passed: number) =>
    length > 0 ? Math.min(1, Math.max(0, passed / length)) : 1
  return gainOf(edit.gain_db ?? 0) * share(rise, atS - startS) * share(fall, endS - atS)
}

/** What of a take is played, from `fromS` of the whole take on, and its loudness between two points in a straight line. */
export function played(edit: TakeEdit, durationS: number, fromS = 0): Played {
  const { startS: first, endS: last } = spanOf(edit, durationS)
  const length = last - first
  const rise = Math.min(edit.fade_in_s ?? 0, length)
  const fall = Math.min(edit.fade_out_s ?? 0, length)
  const from = Math.min(Math.max(fromS, first), last) - first
  const times = [from, rise, length - fall, length].filter((time) => time >= from)
  const points = [...new Set(times)]
    .sort((a, b) => a - b)
    .map((time) => ({ atS: time - from, gain: gainAt(edit, durationS, first + time) }))
  return { startS: first + from, lengthS: length - from, points }
}

/** Whether it is as loud as it was made, all the way. */
export const isEven = (edit: TakeEdit): boolean => !edit.fade_in_s && !edit.fade_out_s && !edit.gain_db

export const isPlain = (edit: TakeEdit): boolean => edit.start_s == null && edit.end_s == null && isEven(edit)

/** Stems that sound: those that are alone where any is, else all that are not silenced. */
export function audible(stems: readonly { id: string; muted: boolean; alone: boolean }[]): Set<string> {
  const alone = stems.filter((stem) => stem.alone && !stem.muted)
  const heard = stems.some((stem) => stem.alone) ? alone : stems.filter((stem) => !stem.muted)
  return new Set(heard.map((stem) => stem.id))
}
