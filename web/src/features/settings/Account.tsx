/** One's own account: password, signing out, keys for programs. */
import { Copy, KeyRound, LogOut, Trash2 } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useEnter, usePassword, useTokenActions, useTokens } from '@/api/keeping'
import { useMe } from '@/api/queries'
import { Button, IconButton } from '@/components/Button'
import { Notice } from '@/components/feedback'
import { Chips, Select, TextField, ToggleChip } from '@/components/fields'
import { ago } from '@/lib/format'
import { toast } from '@/lib/toasts'
import styles from './settings.module.css'

const SCOPES = ['read', 'make', 'manage'] as const
type Scope = (typeof SCOPES)[number]

function Password() {
  const { t } = useTranslation('settings')
  const change = usePassword()
  const [old, setOld] = useState('')
  const [fresh, setFresh] = useState('')
  const save = (event: FormEvent) => {
    event.preventDefault()
    change.mutate(
      { old, new: fresh },
      {
        onSuccess: () => {
          setOld('')
          setFresh('')
          toast(t('passwordChanged'))
        },
      },
    )
  }
  return (
    <form className={styles.form} onSubmit={save}>
      <h3>{t('changePassword')}</h3>
      {change.error ? <Notice kind="bad">{change.error.message}</Notice> : null}
      <TextField
        label={t('oldPassword')}
        type="password"
        autoComplete="current-password"
        value={old}
        onChange={setOld}
      />
      <TextField
        label={t('newPassword')}
        type="password"
        autoComplete="new-password"
        hint={t('passwordHint')}
        value={fresh}
        onChange={setFresh}
      />
      <Button type="submit" isDisabled={fresh.length < 8 || change.isPending}>
        {t('save')}
      </Button>
    </form>
  )
}

function Tokens() {
  const { t, i18n } = useTranslation(['settings', 'common'])
  const tokens = useTokens(true)
  const { add, remove } = useTokenActions()
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<Scope[]>(['read'])
  const [days, setDays] = useState<'30' | '365' | null>('365')
  const secret = add.data?.secret
  return (
    <section className={styles.section}>
      <h2>{t('tokens')}</h2>
      <p className="quiet">{t('tokensText')}</p>
      {secret ? (
        <Notice>
          <p>{t('secretOnce')}</p>
          <p className={styles.secret}>
            <code className="num">{secret}</code>
            <IconButton
              size="small"
              label={t('copy')}
              onPress={() => void navigator.clipboard.writeText(secret).then(() => toast(t('copied')))}
            >
              <Copy size={15} aria-hidden />
            </IconButton>
          </p>
        </Notice>
      ) : null}
      <ul className={styles.rows}>
        {(tokens.data ?? []).map((token) => (
          <li key={token.id}>
            <KeyRound size={16} aria-hidden />
            <span dir="auto">{token.name}</span>
            <span className="quiet">{token.scopes.map((scope) => t(`scopes.${scope}`)).join(', ')}</span>
            <span className="quiet">
              {token.used_at ? t('usedAgo', { ago: ago(token.used_at, i18n.language) }) : t('neverUsed')}
            </span>
            <IconButton
              size="small"
              look="danger"
              label={t('revoke', { name: token.name })}
              onPress={() => {
                remove.mutate(token.id)
              }}
            >
              <Trash2 size={15} aria-hidden />
            </IconButton>
          </li>
        ))}
      </ul>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault()
          add.mutate({ name: name.trim(), scopes, days: days ? Number(days) : null })
          setName('')
        }}
      >
        <TextField label={t('tokenName')} value={name} onChange={setName} maxLength={80} />
        <Chips label={t('may')}>
          {SCOPES.map((scope) => (
            <ToggleChip
              key={scope}
              isSelected={scopes.includes(scope)}
              onChange={(on) => {
                setScopes(on ? [...scopes, scope] : scopes.filter((other) => other !== scope))
              }}
            >
              {t(`scopes.${scope}`)}
            </ToggleChip>
          ))}
        </Chips>
        <Select
          label={t('expires')}
          none={t('never')}
          value={days}
          onChange={setDays}
          options={[
            { value: '30', label: t('days', { count: 30 }) },
            { value: '365', label: t('days', { count: 365 }) },
          ]}
        />
        <Button type="submit" isDisabled={!name.trim() || !scopes.length || add.isPending}>
          {t('makeToken')}
        </Button>
      </form>
    </section>
  )
}

export function Account() {
  const { t } = useTranslation('settings')
  const me = useMe()
  const { logout } = useEnter()
  return (
    <>
      <section className={styles.section}>
        <h2>{t('parts.account')}</h2>
        <p>{t('signedInAs', { name: me.data?.user?.name })}</p>
        <Button
          onPress={() => {
            logout.mutate()
          }}
        >
          <LogOut size={16} aria-hidden /> {t('signOut')}
        </Button>
        <Password />
      </section>
      <Tokens />
    </>
  )
}
