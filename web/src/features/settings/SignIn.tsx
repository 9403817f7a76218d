/** Signing in, and making the first account where `me.setup_needed`. */
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useEnter } from '@/api/keeping'
import type { Me } from '@/api/types'
import { Button } from '@/components/Button'
import { Notice } from '@/components/feedback'
import { Select, TextField } from '@/components/fields'
import { chooseLanguage, LANGUAGES, type Language } from '@/i18n'
import styles from './settings.module.css'

export function LanguageSelect() {
  const { t, i18n } = useTranslation('settings')
  return (
    <Select
      label={t('language')}
      value={(i18n.resolvedLanguage ?? 'en') as Language}
      onChange={(code) => {
        if (code) chooseLanguage(code)
      }}
      options={Object.entries(LANGUAGES).map(([code, name]) => ({ value: code as Language, label: name }))}
    />
  )
}

export function SignIn({ me }: { me: Me }) {
  const { t } = useTranslation(['settings', 'common'])
  const { login, setup } = useEnter()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [passcode, setPasscode] = useState('')
  const first = me.setup_needed
  const asking = first ? setup : login
  const short = first && password !== '' && password.length < 8

  const enter = (event: FormEvent) => {
    event.preventDefault()
    if (first) setup.mutate({ name: name.trim(), password, passcode: passcode.trim() })
    else login.mutate({ name: name.trim(), password })
  }
  return (
    <main className={styles.door}>
      <form className={styles.doorForm} onSubmit={enter}>
        <h1>{first ? t('welcome') : t('signIn')}</h1>
        {first ? <p className="quiet">{t('setupText')}</p> : null}
        {asking.error ? <Notice kind="bad">{asking.error.message}</Notice> : null}
        <TextField
          label={t('name')}
          name="username"
          autoComplete="username"
          value={name}
          onChange={setName}
          maxLength={80}
          isRequired
        />
        <TextField
          label={t('password')}
          name="password"
          type="password"
          autoComplete={first ? 'new-password' : 'current-password'}
          value={password}
          onChange={setPassword}
          maxLength={200}
          hint={first ? t('passwordHint') : undefined}
          error={short ? t('passwordHint') : null}
          isRequired
        />
        {first ? (
          <TextField
            label={t('passcode')}
            value={passcode}
            onChange={setPasscode}
            maxLength={40}
            autoComplete="one-time-code"
            hint={t('passcodeHint')}
            isRequired
          />
        ) : null}
        <Button
          type="submit"
          look="primary"
          size="large"
          isDisabled={!name.trim() || !password || short || (first && !passcode.trim()) || asking.isPending}
        >
          {first ? t('makeAccount') : t('signIn')}
        </Button>
        <LanguageSelect />
      </form>
    </main>
  )
}
