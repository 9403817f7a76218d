/** Every job: those that wait or run, and those that failed with cause and cure. */
import { useTranslation } from 'react-i18next'
import { useJobs } from '@/api/queries'
import { Drawer } from '@/components/Dialog'
import { Empty } from '@/components/feedback'
import { JobCard } from './JobCard'
import styles from './queue.module.css'

export function QueueDrawer(props: { isOpen: boolean; onOpenChange: (open: boolean) => void }) {
  const { t } = useTranslation('queue')
  const active = useJobs('active')
  const failed = useJobs('failed')
  const jobs = active.data ?? []
  const failures = failed.data ?? []
  return (
    <Drawer title={t('common:queue')} {...props}>
      {jobs.length ? (
        <section className={styles.list} aria-label={t('active')}>
          {jobs.map((job) => (
            <JobCard key={job.id} job={job} list={jobs} withLog />
          ))}
        </section>
      ) : null}
      {failures.length ? (
        <section className={styles.list} aria-label={t('failed')}>
          <h3 className={styles.heading}>{t('failed')}</h3>
          {failures.slice(0, 20).map((job) => (
            <JobCard key={job.id} job={job} withLog />
          ))}
        </section>
      ) : null}
      {!jobs.length && !failures.length && !active.isPending ? (
        <Empty title={t('empty')}>{t('emptyText')}</Empty>
      ) : null}
    </Drawer>
  )
}
