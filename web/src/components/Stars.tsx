/** A rating from one to five; the same star again takes it back. */
import { Star } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { IconButton } from './Button'
import styles from './Stars.module.css'

export function Stars({
  label,
  value,
  onChange,
}: {
  label: string
  value: number | null
  onChange: (value: number) => void
}) {
  const { t } = useTranslation('common')
  return (
    <span role="group" aria-label={label} className={styles.stars}>
      {[1, 2, 3, 4, 5].map((star) => {
        const lit = star <= (value ?? 0)
        return (
          <IconButton
            key={star}
            size="small"
            label={t('stars', { count: star })}
            on={lit}
            className={styles.star}
            onPress={() => {
              onChange(star === value ? 0 : star)
            }}
          >
            <Star size={15} aria-hidden fill={lit ? 'currentColor' : 'none'} />
          </IconButton>
        )
      })}
    </span>
  )
}
