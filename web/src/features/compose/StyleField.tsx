/**
 * The music in words, with chips that put words of style in and take them out. A chip is named in the page's language and
 * writes the English word: that is what the checkpoints were trained on.
 */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ActionChip, Chips, TextArea, ToggleChip } from '@/components/fields'
import { english } from '@/i18n/en'
import { hasStyle, toggleStyle } from './draft'
import styles from './compose.module.css'

export const MAX_CAPTION = 2000
const SHOWN = 10

export const wordsOf = (list: string): string[] => list.split(/[,、]/).map((word) => word.trim())

export function StyleField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation('compose')
  const [all, setAll] = useState(false)
  const groups = (['genre', 'sound', 'mood', 'voice'] as const).map((group) => {
    const names = wordsOf(t(`styles.${group}`))
    return wordsOf(english.compose.styles[group]).map((word, at) => ({ word, name: names[at] ?? word }))
  })
  // A few of each kind first, so that the short row already shows what may be said.
  const mixed = Array.from({ length: Math.max(...groups.map((group) => group.length)) }, (_, at) =>
    groups.map((group) => group[at]).filter((chip) => chip !== undefined),
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
        {shown.map(({ word, name }) => (
          <ToggleChip
            key={word}
            isSelected={hasStyle(value, word)}
            onChange={() => {
              onChange(toggleStyle(value, word))
            }}
          >
            {name}
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
