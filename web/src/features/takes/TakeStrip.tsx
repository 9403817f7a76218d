/** The takes of a song as a few short rows, for a card: each plays as soon as it exists. */
import clsx from 'clsx'
import { useTranslation } from 'react-i18next'
import { ButtonLink } from '@/components/Button'
import { clock } from '@/lib/format'
import { TakePlay } from './TakePlay'
import { useTakes } from './useTakes'
import styles from './takes.module.css'

export function TakeStrip({ songId }: { songId: string }) {
  const { t } = useTranslation('takes')
  const { song, takes, numberOf, toggle } = useTakes(songId)
  if (!song || !takes.length) return null
  return (
    <div className={styles.strip}>
      <ul>
        {takes.map((take) => {
          const number = numberOf(take)
          const best = takes.length > 1 && take.id === song.chosen_take_id
          return (
            <li key={take.id} className={styles.stripRow}>
              <TakePlay take={take} number={number} toggle={toggle} />
              <span className={styles.stripName}>{t('take', { number })}</span>
              {best ? <span className={styles.mark}>{t('best')}</span> : null}
              <span className={styles.stripReason}>{take.reasons[0]}</span>
              <span className={clsx('num', 'quiet')}>{clock(take.duration_s)}</span>
            </li>
          )
        })}
      </ul>
      {takes.length > 1 ? (
        <ButtonLink look="quiet" size="small" href={`/songs/${songId}/compare`}>
          {t('compare')}
        </ButtonLink>
      ) : null}
    </div>
  )
}
