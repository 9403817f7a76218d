/**
 * What stays on screen: navigation, the column beside the page, the player, toasts.
 *
 * Three columns from 1100 px, a rail of icons below that, tabs at the bottom on a phone. The player stays mounted through
 * every change of address, so a song never stops because somebody looks elsewhere.
 */
import { AudioLines, LibraryBig, ListMusic, PenLine, Settings2 } from 'lucide-react'
import { lazy, Suspense, useEffect, useRef, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { NavLink, Outlet, useLocation } from 'react-router'
import { useConnection } from '@/api/events'
import { useJobs } from '@/api/queries'
import { Notice, Toasts } from '@/components/feedback'
import { LibraryColumn } from '@/features/library/LibraryColumn'
import { SidebarPlaylists } from '@/features/library/SidebarPlaylists'
import { PlayerBar } from '@/features/player/PlayerBar'
import { Now } from '@/features/queue/Now'
import { TakeStrip } from '@/features/takes/TakeStrip'
import { PHONE, useMedia, WIDE } from '@/lib/useMedia'
import styles from './Shell.module.css'

const QueueDrawer = lazy(() =>
  import('@/features/queue/QueueDrawer').then((part) => ({ default: part.QueueDrawer })),
)

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden className={styles.mark}>
      <path d="M4 20c2.4 0 2.4-8 4.8-8s2.4 8 4.8 8 2.4-12 4.8-12 2.6 16 9.6 16" />
    </svg>
  )
}

function Place({
  to,
  icon,
  children,
  count,
}: {
  to: string
  icon: ReactNode
  children: ReactNode
  count?: number
}) {
  return (
    <NavLink to={to} end={to === '/'} className={styles.place}>
      {icon}
      <span className={styles.placeName}>{children}</span>
      {count ? <span className={styles.count}>{count}</span> : null}
    </NavLink>
  )
}

export function Shell() {
  const { t } = useTranslation('common')
  const wide = useMedia(WIDE)
  const phone = useMedia(PHONE)
  const { pathname } = useLocation()
  const online = useConnection((state) => state.online)
  const jobs = useJobs('active')
  const [queueOpen, setQueueOpen] = useState(false)
  const active = jobs.data?.length ?? 0
  const page = useRef<HTMLElement>(null)
  const shown = useRef(pathname)

  // A new page begins at its top, and is where the keyboard goes on.
  useEffect(() => {
    if (shown.current === pathname) return
    shown.current = pathname
    page.current?.scrollTo(0, 0)
    page.current?.focus({ preventScroll: true })
  }, [pathname])
  const beside = wide && pathname === '/'

  const places = (
    <>
      <Place to="/" icon={<PenLine size={18} aria-hidden />}>
        {t('create')}
      </Place>
      <Place to="/library" icon={<LibraryBig size={18} aria-hidden />}>
        {t('library')}
      </Place>
      {phone ? (
        <Place to="/player" icon={<AudioLines size={18} aria-hidden />}>
          {t('player')}
        </Place>
      ) : null}
      <button
        type="button"
        className={styles.place}
        aria-haspopup="dialog"
        onClick={() => {
          setQueueOpen(true)
        }}
      >
        <ListMusic size={18} aria-hidden />
        <span className={styles.placeName}>{t('queue')}</span>
        {active ? <span className={styles.count}>{active}</span> : null}
      </button>
      <Place to="/settings" icon={<Settings2 size={18} aria-hidden />}>
        {t('settings')}
      </Place>
    </>
  )

  const name = (['library', 'player', 'settings'] as const).find((one) => pathname.startsWith(`/${one}`))

  return (
    <div className={styles.shell}>
      {pathname.startsWith('/songs/') ? null : <title>{`${t(name ?? 'create')} · melisma`}</title>}
      <a className={styles.skip} href="#page">
        {t('skip')}
      </a>
      {phone ? null : (
        <nav className={styles.nav} aria-label={t('main')}>
          <NavLink to="/" className={styles.brand} aria-label={t('appName')}>
            <Mark />
            <span className={styles.brandName}>melisma</span>
          </NavLink>
          {places}
          {wide ? <SidebarPlaylists /> : null}
        </nav>
      )}
      <main ref={page} id="page" className={styles.page} tabIndex={-1}>
        {online ? null : (
          <div className={styles.offline} role="status">
            <Notice kind="warn">{t('offline')}</Notice>
          </div>
        )}
        <Suspense fallback={<div className={styles.blank} aria-busy="true" />}>
          <Outlet />
        </Suspense>
      </main>
      {beside ? (
        <aside className={styles.beside} aria-label={t('library')}>
          <Now takes={(songId) => <TakeStrip songId={songId} />} />
          <LibraryColumn />
        </aside>
      ) : null}
      <PlayerBar />
      {phone ? (
        <nav className={styles.tabs} aria-label={t('main')}>
          {places}
        </nav>
      ) : null}
      <Suspense fallback={null}>
        {queueOpen ? <QueueDrawer isOpen={queueOpen} onOpenChange={setQueueOpen} /> : null}
      </Suspense>
      <Toasts />
    </div>
  )
}
