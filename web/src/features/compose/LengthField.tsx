/** The length of a song: a few usual ones as chips, any other one written as m:ss. Null leaves it open. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Defaults } from '@/api/types'
import { Chips, TextField, ToggleChip } from '@/components/fields'
import { clock, parseClock } from '@/lib/format'
import styles from './compose.module.css'

export const USUAL_S = [15, 30, 60, 120, 180, 240]

/** The usual lengths that a model can do. */
export function lengthsOf(defaults: Defaults | undefined): number[] {
  return USUAL_S.filter(
    (length) => !defaults || (length >= defaults.min_duration_s && length <= defaults.max_duration_s),
  )
}

export function LengthField({
  value,
  onChange,
  defaults,
  isRequired,
}: {
  value: number | null
  onChange: (value: number | null) => void
  defaults: Defaults | undefined
  /** Leaves no choice open. */
  isRequired?: boolean
}) {
  const { t } = useTranslation('compose')
  const usual = lengthsOf(defaults)
  const own = value !== null && !usual.includes(value)
  const [text, setText] = useState(own ? clock(value) : '')
  const from = defaults?.min_duration_s ?? 1
  const to = defaults?.max_duration_s ?? 600
  const parsed = parseClock(text)
  const bad = text !== '' && (parsed === null || parsed < from || parsed > to)
  const choose = (length: number | null) => {
    setText('')
    onChange(length)
  }
  return (
    <div className={styles.wideField}>
      <span className={styles.fieldName}>{t('length')}</span>
      <Chips label={t('length')} className={styles.lengths}>
        {isRequired ? null : (
          <ToggleChip
            isSelected={value === null}
            onChange={() => {
              choose(null)
            }}
          >
            {t('common:auto')}
          </ToggleChip>
        )}
        {usual.map((length) => (
          <ToggleChip
            key={length}
            isSelected={value === length}
            onChange={() => {
              choose(length)
            }}
          >
            <span className="num">{clock(length)}</span>
          </ToggleChip>
        ))}
        <TextField
          label={t('lengthOwn')}
          labelHidden
          placeholder="m:ss"
          className={styles.ownLength}
          value={text}
          error={bad ? t('lengthBad', { from: clock(from), to: clock(to) }) : null}
          onChange={(next) => {
            setText(next)
            const seconds = parseClock(next)
            if (seconds !== null && seconds >= from && seconds <= to) onChange(seconds)
          }}
        />
      </Chips>
    </div>
  )
}
