/** All takes of a song with their reasons: choose one, keep one alone, bring a discarded one back. */
import clsx from 'clsx'
import { Check, Ellipsis, GitCompareArrows, RotateCcw, Trash2 } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Take } from '@/api/types'
import { Button, ButtonLink, IconButton } from '@/components/Button'
import { Menu } from '@/components/Menu'
import { clock } from '@/lib/format'
import { TakePlay } from './TakePlay'
import { useTakes } from './useTakes'
import styles from './takes.module.css'

export function SongTakes({ songId }: { songId: string }) {
  const { t } = useTranslation('takes')
  const all = useTakes(songId)
  const { song, takes, discarded, numberOf } = all
  if (!song) return null
  const kindOf = (take: Take) => {
    const kinds = t('kinds', { returnObjects: true }) as Record<string, string>
    const parent = song.all_takes.find((one) => one.id === take.parent_id)
    return [kinds[take.kind] ?? take.kind, parent ? t('editedFrom', { number: numberOf(parent) }) : null]
      .filter(Boolean)
      .join(' ')
  }
  return (
    <section className={styles.takes} aria-label={t('takes')}>
      <header className={styles.takesHead}>
        <h2>{t('takes')}</h2>
        {takes.length > 1 ? (
          <ButtonLink look="quiet" size="small" href={`/songs/${songId}/compare`}>
            <GitCompareArrows size={16} aria-hidden />
            {t('compare')}
          </ButtonLink>
        ) : null}
      </header>
      {takes.length ? (
        <ol className={styles.list}>
          {takes.map((take) => {
            const number = numberOf(take)
            const chosen = take.id === song.chosen_take_id
            return (
              <li key={take.id} className={clsx(styles.take, chosen && styles.chosenTake)}>
                <TakePlay take={take} number={number} toggle={all.toggle} size="medium" />
                <div className={styles.takeText}>
                  <span className={styles.takeName}>
                    <bdi>{take.title || t('take', { number })}</bdi>
                    {chosen ? (
                      <span className={styles.mark}>
                        <Check size={12} aria-hidden />
                        {t('chosen')}
                      </span>
                    ) : null}
                  </span>
                  <span className={styles.takeFacts}>
                    {kindOf(take)} · <span className="num">{clock(take.duration_s)}</span>
                    {take.lufs === null ? null : (
                      <>
                        {' · '}
                        <span className="num">{t('lufs', { value: take.lufs.toFixed(1) })}</span>
                      </>
                    )}
                  </span>
                  {take.reasons.length ? (
                    <ul className={styles.reasons}>
                      {take.reasons.map((reason) => (
                        <li key={reason}>{reason}</li>
                      ))}
                    </ul>
                  ) : null}
                </div>
                {chosen ? null : (
                  <Button
                    size="small"
                    aria-label={t('chooseLong', { number })}
                    onPress={() => {
                      all.choose(take)
                    }}
                  >
                    {t('choose')}
                  </Button>
                )}
                <Menu
                  label={t('take', { number })}
                  trigger={
                    <IconButton label={t('common:more')} size="small">
                      <Ellipsis size={16} aria-hidden />
                    </IconButton>
                  }
                  entries={[
                    takes.length > 1 && {
                      id: 'keep',
                      label: t('keepOnly'),
                      icon: <Check size={16} aria-hidden />,
                      onAction: () => {
                        all.keepOnly(take)
                      },
                    },
                    {
                      id: 'discard',
                      label: t('discard', { number }),
                      icon: <Trash2 size={16} aria-hidden />,
                      danger: true,
                      onAction: () => {
                        all.discard(take)
                      },
                    },
                  ]}
                />
              </li>
            )
          })}
        </ol>
      ) : (
        <p className="quiet">{t('none')}</p>
      )}
      {discarded.length ? (
        <details className={styles.discarded}>
          <summary>{t('discardedCount', { count: discarded.length })}</summary>
          <ul>
            {discarded.map((take) => {
              const number = numberOf(take)
              return (
                <li key={take.id} className={styles.stripRow}>
                  <TakePlay take={take} number={number} toggle={all.toggle} />
                  <span className={styles.stripName}>{t('take', { number })}</span>
                  <span className={styles.stripReason} />
                  <Button
                    look="quiet"
                    size="small"
                    aria-label={t('restore', { number })}
                    onPress={() => {
                      all.restore(take)
                    }}
                  >
                    <RotateCcw size={14} aria-hidden />
                    {t('restoreShort')}
                  </Button>
                </li>
              )
            })}
          </ul>
        </details>
      ) : null}
    </section>
  )
}
