/**
 * Editing a plan by hand.
 *
 * Some plans hold more than can be edited here: a score (chords, melody, words on notes) or semantic codes. An edit that
 * the score can follow exactly (tempo, another tonic, a chord) changes the score too. Where it cannot (words, metre,
 * length, major for minor) score and codes are dropped, and the engine writes new ones that fit.
 */
import type { Blueprint, Score } from '@/api/types'

const SHARPS = ['C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B']
const FLATS = ['C', 'Db', 'D', 'Eb', 'E', 'F', 'Gb', 'G', 'Ab', 'A', 'Bb', 'B']
const FLAT_KEYS = ['F', 'Bb', 'Eb', 'Ab', 'Db', 'Gb', 'Dm', 'Gm', 'Cm', 'Fm', 'Bbm', 'Ebm', 'Abm']
const CHORD =
  /^[A-G][#b]?(?:|m|5|dim|aug|sus2|sus4|6|m6|7|m7|maj7|mmaj7|m7b5|dim7|7sus4|add9|madd9|9|m9|maj9)(?:\/[A-G][#b]?)?$/

export const KEYS: readonly string[] = ['major', 'minor'].flatMap((mode) =>
  SHARPS.map((sharp, at) => {
    const flat = FLATS[at] ?? sharp
    return `${FLAT_KEYS.includes(flat + (mode === 'minor' ? 'm' : '')) ? flat : sharp} ${mode}`
  }),
)

export function pitchClass(note: string): number {
  const at = SHARPS.indexOf(note)
  return at >= 0 ? at : FLATS.indexOf(note)
}

/** Whether a chord symbol can be played. */
export const isChord = (symbol: string): boolean => CHORD.test(symbol)

function transposed(score: Score, key: string): Score | null {
  const [note = '', mode = ''] = key.split(' ')
  const [oldNote = '', oldMode = ''] = score.key.split(' ')
  if (mode !== oldMode) return null
  let by = (pitchClass(note) - pitchClass(oldNote) + 12) % 12
  if (by > 6) by -= 12
  const melody = (score.melody ?? []).map((one) => ({ ...one, pitch: one.pitch + by }))
  if (melody.some((one) => one.pitch < 0 || one.pitch > 127)) return null
  const names = FLAT_KEYS.includes(note + (mode === 'minor' ? 'm' : '')) ? FLATS : SHARPS
  const moved = (symbol: string) =>
    symbol.replaceAll(/(^|\/)([A-G][#b]?)/g, (_, slash: string, root: string) => {
      return slash + (names[(pitchClass(root) + by + 12) % 12] ?? root)
    })
  return {
    ...score,
    key,
    melody,
    chords: score.chords.map((chord) => ({ ...chord, symbol: moved(chord.symbol) })),
  }
}

type Editable = Pick<Blueprint, 'caption' | 'lyrics' | 'language' | 'bpm' | 'key' | 'meter' | 'duration_s'>

/** A plan after an edit of its fields; what a person set is theirs. */
export function edited(plan: Blueprint, change: Partial<Editable>): Blueprint {
  const decided = { ...plan.decided_by }
  for (const name of Object.keys(change)) decided[name] = 'person'
  const after: Blueprint = { ...plan, ...change, decided_by: decided }
  const differs = (name: keyof Editable) => name in change && change[name] !== plan[name]

  const free = differs('lyrics') || differs('meter') || differs('duration_s')
  const musical = free || differs('bpm') || differs('key')
  if (musical) after.codes = null
  if (!after.score) return after
  if (free) return { ...after, score: null }
  if (differs('key')) after.score = after.key ? transposed(after.score, after.key) : null
  if (after.score && differs('bpm')) {
    if (!after.bpm) return { ...after, score: null }
    const share = after.score.bpm / after.bpm
    after.score = { ...after.score, bpm: after.bpm, duration_s: after.score.duration_s * share }
    after.duration_s = after.score.duration_s
  }
  return after
}

/** A plan with another chord at one place of its score. */
export function withChord(plan: Blueprint, at: number, symbol: string): Blueprint {
  if (!plan.score) return plan
  return {
    ...plan,
    codes: null,
    decided_by: { ...plan.decided_by, score: 'person' },
    score: {
      ...plan.score,
      chords: plan.score.chords.map((chord, index) => (index === at ? { ...chord, symbol } : chord)),
    },
  }
}

/** A plan with somebody else at one place of its band: 0 plays the tune, 1 accompanies. */
export function withPlayer(plan: Blueprint, place: 0 | 1, instrument: string): Blueprint {
  if (!plan.score) return plan
  const [tune = instrument, company = instrument, ...others] = plan.score.band ?? []
  const band = place === 0 ? [instrument, company, ...others] : [tune, instrument, ...others]
  return { ...plan, decided_by: { ...plan.decided_by, score: 'person' }, score: { ...plan.score, band } }
}

export interface ChordCell {
  index: number
  symbol: string
  /** Beats. */
  length: number
}

export interface ChordRow {
  tag: string
  bars: number
  beats: number
  cells: ChordCell[]
}

/** The score's chords, one row per section. */
export function chordRows(score: Score): ChordRow[] {
  const rows: ChordRow[] = []
  let from = 0
  for (const section of score.sections) {
    const to = from + section.bars * score.meter
    const cells = score.chords
      .map((chord, index) => ({ index, symbol: chord.symbol, length: chord.length, start: chord.start }))
      .filter((chord) => chord.start >= from - 1e-6 && chord.start < to - 1e-6)
    rows.push({ tag: section.tag, bars: section.bars, beats: to - from, cells })
    from = to
  }
  return rows
}

/** Chords a key offers first: its triads, and the seventh on the fifth. */
export function chordsOf(key: string): string[] {
  const [note = 'C', mode = 'major'] = key.split(' ')
  const names = FLAT_KEYS.includes(note + (mode === 'minor' ? 'm' : '')) ? FLATS : SHARPS
  const steps: [number, string][] =
    mode === 'minor'
      ? [[0, 'm'], [3, ''], [5, 'm'], [7, 'm'], [7, '7'], [8, ''], [10, '']]
      : [[0, ''], [2, 'm'], [4, 'm'], [5, ''], [7, ''], [7, '7'], [9, 'm']] // prettier-ignore
  return steps.map(([step, quality]) => `${names[(pitchClass(note) + step) % 12] ?? note}${quality}`)
}
