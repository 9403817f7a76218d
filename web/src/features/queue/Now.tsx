/** What is being made, and what was just made, as cards with their takes. */
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { isActive } from '@/api/events'
import { JobCard } from './JobCard'
import { hide, useRecentJobs } from './recent'
import styles from './queue.module.css'

export function Now({ takes }: { takes: (songId: string) => ReactNode }) {
  const { t } = useTranslation('queue')
  const jobs = useRecentJobs()
  if (!jobs.length) return null
  return (
    <section className={styles.now} aria-label={t('now')}>
      <h2 className={styles.heading}>{t('now')}</h2>
      {jobs.map((job) => (
        <JobCard
          key={job.id}
          job={job}
          takes={job.song_id ? takes(job.song_id) : null}
          onHide={
            isActive(job)
              ? undefined
              : () => {
                  hide(job.id)
                }
          }
        />
      ))}
    </section>
  )
}
