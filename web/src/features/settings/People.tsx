/** Who may come in: the address to give away, accounts, and making more of them. */
import { Copy, Trash2, UserRound } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useUserActions, useUsers } from '@/api/keeping'
import { useMe } from '@/api/queries'
import type { User } from '@/api/types'
import { Button, IconButton } from '@/components/Button'
import { Confirm } from '@/components/Dialog'
import { Notice } from '@/components/feedback'
import { Switch, TextField } from '@/components/fields'
import { toast } from '@/lib/toasts'
import styles from './settings.module.css'

const ALONE = ['localhost', '127.0.0.1', '[::1]']

function Invitation() {
  const { t } = useTranslation('settings')
  // The address this page was opened at leads here from elsewhere, unless it means "this machine".
  if (ALONE.includes(location.hostname)) return <Notice>{t('inviteElsewhere')}</Notice>
  return (
    <div className={styles.secret}>
      <code className="num">{location.origin}</code>
      <IconButton
        size="small"
        label={t('copy')}
        onPress={() => void navigator.clipboard.writeText(location.origin).then(() => toast(t('copied')))}
      >
        <Copy size={15} aria-hidden />
      </IconButton>
    </div>
  )
}

export function People() {
  const { t, i18n } = useTranslation(['settings', 'common'])
  const me = useMe()
  const users = useUsers(me.data?.user?.admin ?? false)
  const { add, remove } = useUserActions()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [admin, setAdmin] = useState(false)
  const [removing, setRemoving] = useState<User | null>(null)
  const invite = (event: FormEvent) => {
    event.preventDefault()
    add.mutate(
      { name: name.trim(), password, admin },
      {
        onSuccess: (made) => {
          toast(t('personAdded', { name: made.name }))
          setName('')
          setPassword('')
          setAdmin(false)
        },
      },
    )
  }
  return (
    <>
      <section className={styles.section}>
        <h2>{t('invite')}</h2>
        <p className="quiet">{t('inviteText')}</p>
        <Invitation />
        <form className={styles.form} onSubmit={invite}>
          {add.error ? <Notice kind="bad">{add.error.message}</Notice> : null}
          <TextField label={t('name')} value={name} onChange={setName} maxLength={80} autoComplete="off" />
          <TextField
            label={t('firstPassword')}
            type="password"
            autoComplete="new-password"
            hint={t('passwordHint')}
            value={password}
            onChange={setPassword}
          />
          <Switch isSelected={admin} onChange={setAdmin}>
            {t('mayManage')}
          </Switch>
          <Button
            type="submit"
            look="primary"
            isDisabled={!name.trim() || password.length < 8 || add.isPending}
          >
            {t('addPerson')}
          </Button>
        </form>
      </section>
      <section className={styles.section}>
        <h2>{t('parts.people')}</h2>
        <ul className={styles.rows}>
          {(users.data ?? []).map((user) => (
            <li key={user.id}>
              <UserRound size={16} aria-hidden />
              <span dir="auto">{user.name}</span>
              <span className="quiet">{user.admin ? t('manages') : ''}</span>
              <span className="quiet">{new Date(user.created_at).toLocaleDateString(i18n.language)}</span>
              <IconButton
                size="small"
                look="danger"
                label={t('removePerson', { name: user.name })}
                isDisabled={user.id === me.data?.user?.id}
                onPress={() => {
                  setRemoving(user)
                }}
              >
                <Trash2 size={15} aria-hidden />
              </IconButton>
            </li>
          ))}
        </ul>
      </section>
      <Confirm
        title={t('removePerson', { name: removing?.name })}
        isOpen={removing !== null}
        onOpenChange={(open) => {
          if (!open) setRemoving(null)
        }}
        action={t('remove')}
        onConfirm={() => {
          if (removing) remove.mutate(removing.id)
        }}
      >
        {t('removePersonText')}
      </Confirm>
    </>
  )
}
