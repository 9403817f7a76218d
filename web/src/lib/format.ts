/** How numbers read. Seconds in the API, m:ss on screen. */

/** 0:07, 3:25, 1:02:03. */
export function clock(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–:––'
  const whole = Math.max(0, Math.round(seconds))
  const s = String(whole % 60).padStart(2, '0')
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes}:${s}`
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${s}`
}

/** Seconds of 'm:ss', 'h:mm:ss' or plain seconds; null if it is neither. */
export function parseClock(text: string): number | null {
  const trimmed = text.trim()
  if (!/^(\d+:){0,2}\d+([.,]\d+)?$/.test(trimmed)) return null
  return trimmed
    .replace(',', '.')
    .split(':')
    .reduce((sum, part) => sum * 60 + Number(part), 0)
}

export function bytes(value: number | null | undefined, language: string): string {
  if (value === null || value === undefined) return '–'
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
  const power = value > 0 ? Math.min(units.length - 1, Math.floor(Math.log10(value) / 3)) : 0
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: units[power],
    unitDisplay: 'short',
    maximumFractionDigits: power >= 3 ? 1 : 0,
  }).format(value / 1000 ** power)
}

/** "3 minutes ago", "yesterday". */
export function ago(moment: string, language: string, now = Date.now()): string {
  const seconds = (new Date(moment).getTime() - now) / 1000
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 31_536_000],
    ['month', 2_592_000],
    ['week', 604_800],
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ]
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  for (const [unit, size] of steps)
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit)
  return format.format(0, 'second')
}

/** A language's own name, as in "Deutsch". */
export function languageName(code: string, shownIn: string): string {
  try {
    return new Intl.DisplayNames([shownIn], { type: 'language' }).of(code) ?? code
  } catch {
    return code
  }
}
