/** The sheet that lists all keys. */
import { useTranslation } from 'react-i18next'
import { Dialog } from '@/components/Dialog'
import styles from './player.module.css'
import { SHORTCUTS } from './shortcuts'

export function ShortcutSheet(props: { isOpen: boolean; onOpenChange: (open: boolean) => void }) {
  const { t } = useTranslation('player')
  return (
    <Dialog title={t('shortcuts')} {...props}>
      <dl className={styles.keys}>
        {SHORTCUTS.map(({ command, shown }) => (
          <div key={command}>
            <dt>{t(`commands.${command}`)}</dt>
            <dd>
              {shown.map((key) => (
                <kbd key={key}>{key === 'Space' ? t('space') : key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
