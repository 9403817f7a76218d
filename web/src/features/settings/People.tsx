/** Who may come in: the address to give away, accounts, and making more of them. */
import { Copy, Trash2, UserRound } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useInvitation, useUserActions, useUsers } from '@/api/keeping'
import { useMe } from '@/api/queries'
import type { User } from '@/api/types'
import { Button, IconButton } from '@/components/Button'
import { Confirm } from '@/components/Dialog'
import { Notice } from '@/components/feedback'
import { Switch, TextField } from '@/components/fields'
import { toast } from '@/lib/toasts'
import styles from './settings.module.css'

/** Light around it, in dots, without which no camera finds the code. */
const QUIET = 4

function Picture({ rows, label }: { rows: readonly string[]; label: string }) {
  const size = rows.length + 2 * QUIET
  const dark = rows.flatMap((row, y) =>
    [...row].map((dot, x) => (dot === '1' ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : '')),
  )
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} className={styles.qr}>
      <path d={dark.join('')} />
    </svg>
  )
}

function Invitation({ enabled }: { enabled: boolean }) {
  const { t } = useTranslation('settings')
  const invitation = useInvitation(enabled)
  if (invitation.error) return <Notice>{invitation.error.message}</Notice>
  if (!invitation.data) return null
  const { url, picture } = invitation.data
  return (
    <div className={styles.invitation}>
      <Picture rows={picture} label={t('invitePicture')} />
      <div className={styles.secret}>
        <code className="num">{url}</code>
        <IconButton
          size="small"
          label={t('copy')}
          onPress={() => void navigator.clipboard.writeText(url).then(() => toast(t('copied')))}
        >
          <Copy size={15} aria-hidden />
        </IconButton>
      </div>
    </div>
  )
}

export function People() {
  const { t, i18n } = useTranslation(['settings', 'common'])
  const me = useMe()
  const manages = me.data?.user?.admin ?? false
  const users = useUsers(manages)
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
        <Invitation enabled={manages} />
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
