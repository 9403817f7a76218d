/** An address that leads nowhere. */
import { useTranslation } from 'react-i18next'
import { ButtonLink } from '@/components/Button'
import { Empty } from '@/components/feedback'

export function NotFound() {
  const { t } = useTranslation('common')
  return (
    <Empty title={t('notFound')} action={<ButtonLink href="/">{t('toCreate')}</ButtonLink>}>
      {t('notFoundText')}
    </Empty>
  )
}
