/** Dialogs in the middle and drawers at the side (from below on a phone). Both are controlled by `isOpen`. */
import clsx from 'clsx'
import { X } from 'lucide-react'
import { useEffect, useEffectEvent, type ReactNode } from 'react'
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { Button, IconButton } from './Button'
import styles from './Dialog.module.css'

interface Props {
  title: string
  isOpen: boolean
  onOpenChange: (open: boolean) => void
  children: ReactNode
}

function Head({ title, close }: { title: string; close: () => void }) {
  const { t } = useTranslation('common')
  return (
    <div className={styles.head}>
      <Heading slot="title" className={styles.title}>
        {title}
      </Heading>
      <IconButton label={t('close')} onPress={close} size="small">
        <X size={18} aria-hidden />
      </IconButton>
    </div>
  )
}

/** Escape closes also when what had the focus has gone, as a card does when its job is cancelled. */
function useEscape(isOpen: boolean, onOpenChange: (open: boolean) => void) {
  const close = useEffectEvent(() => {
    onOpenChange(false)
  })
  useEffect(() => {
    if (!isOpen) return
    const hear = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && document.activeElement === document.body) close()
    }
    document.addEventListener('keydown', hear)
    return () => {
      document.removeEventListener('keydown', hear)
    }
  }, [isOpen])
}

export function Dialog({ title, isOpen, onOpenChange, children, wide }: Props & { wide?: boolean }) {
  useEscape(isOpen, onOpenChange)
  return (
    <ModalOverlay isOpen={isOpen} onOpenChange={onOpenChange} isDismissable className={styles.overlay}>
      <Modal className={clsx(styles.modal, wide && styles.wide)}>
        <AriaDialog className={styles.dialog}>
          {({ close }) => (
            <>
              <Head title={title} close={close} />
              {children}
            </>
          )}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  )
}

export function Drawer({ title, isOpen, onOpenChange, children }: Props) {
  useEscape(isOpen, onOpenChange)
  return (
    <ModalOverlay isOpen={isOpen} onOpenChange={onOpenChange} isDismissable className={styles.drawerOverlay}>
      <Modal className={styles.drawer}>
        <AriaDialog className={styles.dialog}>
          {({ close }) => (
            <>
              <Head title={title} close={close} />
              {children}
            </>
          )}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  )
}

/** Asks before something that cannot be undone. Whatever can be undone gets an undo toast instead. */
export function Confirm({
  title,
  isOpen,
  onOpenChange,
  children,
  action,
  onConfirm,
}: Props & { action: string; onConfirm: () => void }) {
  const { t } = useTranslation('common')
  return (
    <ModalOverlay isOpen={isOpen} onOpenChange={onOpenChange} className={styles.overlay}>
      <Modal className={styles.modal}>
        <AriaDialog role="alertdialog" className={styles.dialog}>
          {({ close }) => (
            <>
              <Heading slot="title" className={styles.title}>
                {title}
              </Heading>
              <div>{children}</div>
              <div className={styles.actions}>
                <Button onPress={close}>{t('cancel')}</Button>
                <Button
                  look="danger"
                  onPress={() => {
                    onConfirm()
                    close()
                  }}
                >
                  {action}
                </Button>
              </div>
            </>
          )}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  )
}
