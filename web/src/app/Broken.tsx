/** Shown where a part of the page failed. */
import { useTranslation } from 'react-i18next'
import { useRouteError } from 'react-router'
import { Button } from '@/components/Button'
import { Empty } from '@/components/feedback'
import styles from './Shell.module.css'

export function Broken() {
  const { t } = useTranslation('common')
  const error = useRouteError()
  return (
    <div className={styles.blank} role="alert">
      <Empty
        title={t('wrong')}
        action={
          <Button
            onPress={() => {
              location.reload()
            }}
          >
            {t('reload')}
          </Button>
        }
      >
        {error instanceof Error ? error.message : null}
      </Empty>
    </div>
  )
}
