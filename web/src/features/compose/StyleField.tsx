/** The music in words, with chips that put words of style in and take them out. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ActionChip, Chips, TextArea, ToggleChip } from '@/components/fields'
import { hasStyle, toggleStyle } from './draft'
import styles from './compose.module.css'

export const MAX_CAPTION = 2000
const SHOWN = 10

export function StyleField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation('compose')
  const [all, setAll] = useState(false)
  const groups = (['genre', 'sound', 'mood', 'voice'] as const).map((group) =>
    t(`styles.${group}`)
      .split(/[,、，]/)
      .map((word) => word.trim()),
  )
  // A few of each kind first, so that the short row already shows what may be said.
  const mixed = Array.from({ length: Math.max(...groups.map((group) => group.length)) }, (_, at) =>
    groups.map((group) => group[at]).filter((word) => word !== undefined),
  ).flat()
  const shown = all ? mixed : mixed.slice(0, SHOWN)
  return (
    <div className={styles.styleField}>
      <TextArea
        label={t('style')}
        value={value}
        onChange={onChange}
        maxLength={MAX_CAPTION}
        placeholder={t('stylePlaceholder')}
        rows={2}
        dir="auto"
      />
      <Chips label={t('styleChips')}>
        {shown.map((word) => (
          <ToggleChip
            key={word}
            isSelected={hasStyle(value, word)}
            onChange={() => {
              onChange(toggleStyle(value, word))
            }}
          >
            {word}
          </ToggleChip>
        ))}
        <ActionChip
          onPress={() => {
            setAll(!all)
          }}
        >
          {all ? t('fewerChips') : t('moreChips')}…
        </ActionChip>
      </Chips>
    </div>
  )
}
