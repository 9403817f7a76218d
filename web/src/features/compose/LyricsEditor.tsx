/** Lyrics: words with [tags] on lines of their own, counted against the length while one writes. */
import clsx from 'clsx'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { ActionChip, Chips, TextArea } from '@/components/fields'
import { Notice } from '@/components/feedback'
import { Button } from '@/components/Button'
import { clock } from '@/lib/format'
import { fit, sectionsOf, TAGS, withTag } from '@/lib/lyrics'
import styles from './compose.module.css'

export const MAX_LYRICS = 10_000

export function LyricsEditor({
  value,
  onChange,
  durationS,
  maxDurationS,
  language,
  onLength,
  rows = 9,
}: {
  value: string
  onChange: (value: string) => void
  /** The length the words must fit: what was chosen, or what 'auto' means. */
  durationS: number
  maxDurationS: number
  language: string | null
  onLength?: (seconds: number) => void
  rows?: number
}) {
  const { t } = useTranslation('compose')
  const area = useRef<HTMLTextAreaElement>(null)
  const measured = fit(value, durationS, language ?? 'unknown')
  const sections = sectionsOf(value).filter((section) => section.tag !== null).length
  const full = measured.fullness > 1

  const insert = (tag: string) => {
    const at = area.current?.selectionStart ?? value.length
    const { text, cursor } = withTag(value, at, tag)
    onChange(text)
    requestAnimationFrame(() => {
      area.current?.focus()
      area.current?.setSelectionRange(cursor, cursor)
    })
  }

  return (
    <div className={styles.lyrics}>
      <TextArea
        label={t('lyrics')}
        value={value}
        onChange={onChange}
        maxLength={MAX_LYRICS}
        placeholder={t('lyricsPlaceholder')}
        rows={rows}
        areaRef={area}
        areaClassName={styles.lyricsArea}
        dir="auto"
      />
      <Chips label={t('lyricsTags')}>
        {TAGS.map((tag) => (
          <ActionChip
            key={tag}
            onPress={() => {
              insert(tag)
            }}
          >
            {t(`tags.${tag}`)}
          </ActionChip>
        ))}
      </Chips>
      {value.trim() ? (
        <p className={clsx(styles.counts, full && styles.countsFull)} aria-live="polite">
          <span className={styles.meter} aria-hidden>
            <span style={{ width: `${Math.min(100, measured.fullness * 100)}%` }} />
          </span>
          {[
            t('lines', { count: measured.lines }),
            sections ? t('sectionsCount', { count: sections }) : null,
            t('syllables', { count: measured.syllables }),
            full ? null : t('fits', { length: clock(durationS) }),
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
      ) : null}
      {full ? (
        <Notice kind="warn">
          {measured.neededS <= maxDurationS ? (
            <span className={styles.noticeRow}>
              {t('tooLong', { length: clock(durationS), needed: clock(measured.neededS) })}
              {onLength ? (
                <Button
                  size="small"
                  onPress={() => {
                    onLength(measured.neededS)
                  }}
                >
                  {t('useLength', { needed: clock(measured.neededS) })}
                </Button>
              ) : null}
            </span>
          ) : (
            t('tooLongAnyLength', { length: clock(maxDurationS) })
          )}
        </Notice>
      ) : null}
    </div>
  )
}
