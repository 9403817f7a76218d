/** Who may see the page: everybody on an open studio; elsewhere whoever has signed in. */
import { lazy, Suspense, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useEvents } from '@/api/events'
import { useMe } from '@/api/queries'
import { Button } from '@/components/Button'
import { Empty } from '@/components/feedback'
import styles from './Shell.module.css'

const SignIn = lazy(() => import('@/features/settings/SignIn').then((part) => ({ default: part.SignIn })))

export function Gate({ children }: { children: ReactNode }) {
  const { t } = useTranslation('common')
  const me = useMe()
  const inside = Boolean(me.data?.user) && !me.data?.setup_needed
  useEvents(inside)
  if (me.isPending) return <div className={styles.blank} aria-busy="true" />
  if (me.isError)
    return (
      <main className={styles.blank}>
        <Empty
          title={t('offline')}
          action={<Button onPress={() => void me.refetch()}>{t('retry')}</Button>}
        />
      </main>
    )
  if (inside) return children
  return (
    <Suspense fallback={<div className={styles.blank} />}>
      <SignIn me={me.data} />
    </Suspense>
  )
}
