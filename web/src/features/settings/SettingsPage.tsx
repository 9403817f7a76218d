/** Settings: models, this machine, how the page looks, people and keys. Each part has its own address. */
import { useTranslation } from 'react-i18next'
import { NavLink, Navigate, Route, Routes } from 'react-router'
import { useMe } from '@/api/queries'
import { Look } from './Look'
import { MachinePart } from './MachinePart'
import { Models } from './Models'
import { People } from './People'
import { Account } from './Account'
import styles from './settings.module.css'

export function SettingsPage() {
  const { t } = useTranslation(['settings', 'common'])
  const me = useMe()
  const open = me.data?.open !== false
  const admin = me.data?.user?.admin ?? false
  const parts = [
    'look',
    'models',
    'machine',
    ...(open ? [] : ['account']),
    ...(!open && admin ? ['people'] : []),
  ] as ('look' | 'models' | 'machine' | 'account' | 'people')[]
  return (
    <div className={styles.page}>
      <h1>{t('common:settings')}</h1>
      <nav className={styles.parts} aria-label={t('common:settings')}>
        {parts.map((part) => (
          <NavLink key={part} to={`/settings/${part}`} className={styles.part}>
            {t(`parts.${part}`)}
          </NavLink>
        ))}
      </nav>
      <div className={styles.content}>
        <Routes>
          <Route index element={<Navigate to="look" replace />} />
          <Route path="look" element={<Look />} />
          <Route path="models" element={<Models admin={admin} />} />
          <Route path="machine" element={<MachinePart />} />
          <Route path="account" element={<Account />} />
          <Route path="people" element={<People />} />
          <Route path="*" element={<Navigate to="/settings/look" replace />} />
        </Routes>
      </div>
    </div>
  )
}
