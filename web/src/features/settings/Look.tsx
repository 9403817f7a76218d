/** How the page looks and speaks, and what it plays songs with unless told otherwise. */
import { useTranslation } from 'react-i18next'
import { useDefaults, useModels } from '@/api/queries'
import { Notice } from '@/components/feedback'
import { Segments } from '@/components/fields'
import { clock } from '@/lib/format'
import { useTheme, type Theme } from '@/lib/theme'
import styles from './settings.module.css'
import { LanguageSelect } from './SignIn'

export function Look() {
  const { t } = useTranslation(['settings', 'common'])
  const { theme, setTheme } = useTheme()
  const defaults = useDefaults(null)
  const models = useModels()
  const about = models.data?.find((one) => one.name === defaults.data?.model)?.about
  const known = defaults.data
  return (
    <>
      <section className={styles.section}>
        <h2>{t('parts.look')}</h2>
        <LanguageSelect />
        <div className={styles.field}>
          <span className={styles.label}>{t('theme')}</span>
          <Segments<Theme>
            label={t('theme')}
            value={theme}
            onChange={setTheme}
            options={(['system', 'light', 'dark'] as const).map((one) => ({
              value: one,
              label: t(`themes.${one}`),
            }))}
          />
        </div>
      </section>
      <section className={styles.section}>
        <h2>{t('defaults')}</h2>
        <p className="quiet">{t('defaultsText')}</p>
        {defaults.isError ? <Notice kind="bad">{defaults.error.message}</Notice> : null}
        {known ? (
          <dl className={styles.facts}>
            <div>
              <dt>{t('model')}</dt>
              <dd>
                {known.model}
                {about ? <span className={styles.note}>{about}</span> : null}
              </dd>
            </div>
            <div>
              <dt>{t('planner')}</dt>
              <dd>{known.planner ?? t('none')}</dd>
            </div>
            <div>
              <dt>{t('length')}</dt>
              <dd className="num">
                {clock(known.duration_s)} ({clock(known.min_duration_s)}–{clock(known.max_duration_s)})
              </dd>
            </div>
            <div>
              <dt>{t('sampling')}</dt>
              <dd className="num">
                {Object.entries(known.sampling)
                  .filter(([, value]) => value !== null && value !== undefined)
                  .map(
                    ([name, value]) =>
                      `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
                  )
                  .join(', ')}
              </dd>
            </div>
            <div>
              <dt>{t('adapters')}</dt>
              <dd>{known.adapters.length ? known.adapters.join(', ') : t('none')}</dd>
            </div>
          </dl>
        ) : null}
        {known?.notice ? <Notice>{known.notice}</Notice> : null}
      </section>
    </>
  )
}
