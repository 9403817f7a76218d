/**
 * Lyrics as they are written: tags in square brackets on their own lines, and whether the words fit the music.
 *
 * The measure is the engine's (melisma/planning/fit.py): about five syllables a second can be sung, in 85 % of a song.
 */
export const TAGS = [
  'intro',
  'verse',
  'pre-chorus',
  'chorus',
  'bridge',
  'drop',
  'solo',
  'break',
  'outro',
] as const
export type Tag = (typeof TAGS)[number]

const FASTEST_HZ = 5
const SUNG_SHARE = 0.85
const SILENT_E = ['en', 'fr', 'unknown']

const TAG = /\[[^\]\n]*\]/g
const WORD = /[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*|\p{Nd}/gu
const SIGNS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー]/u
const SMALL_KANA = /[ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ]/

export interface LyricsSection {
  /** The tag as written, without brackets; null before the first one. */
  tag: string | null
  lines: string[]
}

/** Lyrics cut at their tags; empty lines are left out. */
export function sectionsOf(lyrics: string): LyricsSection[] {
  const sections: LyricsSection[] = []
  let current: LyricsSection = { tag: null, lines: [] }
  for (const raw of lyrics.split('\n')) {
    const line = raw.trim()
    const tag = /^\[([^\]]*)\]$/.exec(line)
    if (tag) {
      if (current.tag !== null || current.lines.length) sections.push(current)
      current = { tag: (tag[1] ?? '').trim(), lines: [] }
    } else if (line) current.lines.push(line)
  }
  if (current.tag !== null || current.lines.length) sections.push(current)
  return sections
}

/** How many lines are sung. */
export const lineCount = (lyrics: string): number =>
  sectionsOf(lyrics).reduce((sum, section) => sum + section.lines.length, 0)

function inWord(word: string, language: string): number {
  if (SIGNS.test(word)) return [...word].filter((letter) => !SMALL_KANA.test(letter)).length
  if (/[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(word))
    return Math.max(1, Math.round([...word].filter((letter) => /\p{L}/u.test(letter)).length / 2))
  if (/\p{Script=Cyrillic}/u.test(word))
    return Math.max(1, (word.toLowerCase().match(/[аеёиоуыэюяіїє]/g) ?? []).length)
  if (/[\p{Script=Latin}\p{Script=Greek}]/u.test(word)) {
    const plain = word.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
    const groups = (plain.match(/[aeiouyæøœαεηιουω]+/g) ?? []).length
    const silent = SILENT_E.includes(language) && plain.endsWith('e') && !plain.endsWith('le') && groups > 1
    return Math.max(1, groups - (silent ? 1 : 0))
  }
  return Math.max(1, [...word].filter((letter) => /\p{Lo}/u.test(letter)).length)
}

/** Roughly how many syllables are sung. */
export function syllables(lyrics: string, language = 'unknown'): number {
  const words = lyrics.replace(TAG, ' ').match(WORD) ?? []
  return words.reduce((sum, word) => sum + inWord(word, language), 0)
}

export interface Fit {
  lines: number
  syllables: number
  /** Share of what can be sung in this length; above 1 words will be dropped. */
  fullness: number
  /** A length that holds them, a multiple of five seconds. */
  neededS: number
}

export function fit(lyrics: string, durationS: number, language = 'unknown'): Fit {
  const count = syllables(lyrics, language)
  return {
    lines: lineCount(lyrics),
    syllables: count,
    fullness: count / (durationS * SUNG_SHARE * FASTEST_HZ),
    neededS: Math.ceil(count / FASTEST_HZ / SUNG_SHARE / 5) * 5,
  }
}

/** Lyrics with a tag put on a line of its own at the cursor, and where the cursor belongs then. */
export function withTag(lyrics: string, at: number, tag: string): { text: string; cursor: number } {
  const before = lyrics.slice(0, at).replace(/[ \t]+$/, '')
  const after = lyrics.slice(at).replace(/^[ \t]*\n?/, '')
  const gap = before === '' || before.endsWith('\n\n') ? '' : before.endsWith('\n') ? '\n' : '\n\n'
  const head = `${before}${gap}[${tag}]\n`
  return { text: head + after, cursor: head.length }
}
