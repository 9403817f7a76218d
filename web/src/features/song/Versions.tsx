/** The versions of a song as a tree. Going back is choosing an earlier one; nothing is ever overwritten. */
import clsx from 'clsx'
import { Check, CornerDownRight } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Song } from '@/api/types'
import { ago, clock } from '@/lib/format'
import styles from './song.module.css'
import { numberIn, versionTree, type Version } from './versions'

export function Versions({
  song,
  shown,
  show,
}: {
  song: Song
  shown: string
  show: (takeId: string) => void
}) {
  const { t, i18n } = useTranslation(['song', 'takes'])
  const tree = versionTree(song.all_takes)

  const branch = (nodes: readonly Version[], root: boolean) => (
    <ul className={clsx(styles.branch, root && styles.root)}>
      {nodes.map(({ take, children }) => (
        <li key={take.id}>
          <button
            type="button"
            aria-current={take.id === shown ? 'true' : undefined}
            className={clsx(styles.version, take.discarded_at && styles.gone)}
            onClick={() => {
              show(take.id)
            }}
          >
            {root ? null : <CornerDownRight size={14} aria-hidden />}
            <span className={styles.versionName} dir="auto">
              {take.title || t('takes:take', { number: numberIn(song.all_takes, take.id) })}
            </span>
            {take.id === song.chosen_take_id ? (
              <span className={styles.chosen}>
                <Check size={12} aria-hidden /> {t('takes:chosen')}
              </span>
            ) : null}
            <span className="quiet">{t(`takes:kinds.${take.kind}` as 'takes:kinds.compose')}</span>
            <span className={clsx('num', 'quiet', styles.versionTime)}>
              {clock(take.duration_s)} · {ago(take.created_at, i18n.language)}
            </span>
          </button>
          {children.length ? branch(children, false) : null}
        </li>
      ))}
    </ul>
  )
  return (
    <section className={styles.versions} aria-labelledby="versions">
      <h2 id="versions">{t('versions')}</h2>
      {branch(tree, true)}
    </section>
  )
}
