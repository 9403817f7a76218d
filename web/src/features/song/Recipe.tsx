/** How a take was made, for people to read; all of it as text to copy. */
import { Copy, PenLine } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import type { Blueprint, Song, SongRequest, Take } from '@/api/types'
import { Button } from '@/components/Button'
import { clock, languageName } from '@/lib/format'
import { toast } from '@/lib/toasts'
import { planOf } from './requests'
import styles from './song.module.css'
import { exactClock } from './TimeField'
import { numberIn } from './versions'

type Decider = NonNullable<Blueprint['decided_by']>[string]

/** The request as Create takes it: the same song, with this take's own seed. */
function again(take: Take): SongRequest | null {
  const request = take.request as SongRequest | null
  if (!request) return null
  const seed = Number(take.seed)
  const exact = take.seed !== null && Number.isSafeInteger(seed)
  return { ...request, takes: 1, seeds: exact ? [seed] : null }
}

export function Recipe({ song, take }: { song: Song; take: Take }) {
  const { t, i18n } = useTranslation(['song', 'common', 'takes', 'library'])
  const navigate = useNavigate()
  const request = take.request as SongRequest | null
  const plan = planOf(take)
  const task = request?.task ?? null
  const parent = song.all_takes.find((one) => one.id === take.parent_id)
  const remake = again(take)

  const decided = (name: string): string | null => {
    const who = plan?.decided_by?.[name] as Decider | undefined
    return who ? t(`deciders.${who}`) : null
  }
  const { sampling, adapters } = request ?? {}
  const sampled = Object.entries(sampling ?? {})
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ')
  const made = [t(`takes:kinds.${take.kind}` as 'takes:kinds.compose')]
  if (task?.kind === 'repaint')
    made.push(t('fromTo', { from: exactClock(task.start_s), to: exactClock(task.end_s ?? take.duration_s) }))
  if (task?.kind === 'cover') made.push(`${t('strength')} ${task.strength ?? 1}`)
  if (task?.kind === 'retake') made.push(`${t('nearness')} ${(1 - (task.variance ?? 0.2)).toFixed(2)}`)
  if (task?.kind === 'extract' || task?.kind === 'lego') made.push(t(`tracks.${task.track}`))
  if (parent) made.push(t('takes:editedFrom', { number: numberIn(song.all_takes, parent.id) }))

  const rows: [string, string | null | undefined, string | null][] = [
    [t('recipe.how'), made.join(' · '), null],
    [t('recipe.asked'), request?.caption, null],
    [t('recipe.style'), plan && plan.caption !== request?.caption ? plan.caption : null, decided('caption')],
    [t('recipe.model'), request?.model ?? song.model, null],
    [t('recipe.adapters'), adapters?.map((one) => `${one.name} × ${one.weight ?? 1}`).join(', '), null],
    [t('recipe.length'), clock(take.duration_s), decided('duration_s')],
    [t('recipe.tempo'), plan?.bpm ? `${plan.bpm} BPM` : null, decided('bpm')],
    [t('recipe.key'), plan?.key, decided('key')],
    [t('recipe.meter'), plan?.meter ? `${plan.meter}/${plan.meter === 6 ? 8 : 4}` : null, decided('meter')],
    [
      t('recipe.language'),
      plan?.language && plan.language !== 'unknown' ? languageName(plan.language, i18n.language) : null,
      decided('language'),
    ],
    [t('recipe.players'), plan?.score?.band?.join(', '), decided('score')],
    [t('recipe.chords'), plan?.score?.chords.map((chord) => chord.symbol).join('  '), decided('score')],
    [t('recipe.sampling'), sampled, null],
    [t('recipe.seed'), take.seed, null],
    [t('recipe.loudness'), take.lufs === null ? null : `${take.lufs.toFixed(1)} LUFS`, null],
    [t('recipe.peak'), take.true_peak_dbtp === null ? null : `${take.true_peak_dbtp.toFixed(1)} dBTP`, null],
    [t('recipe.file'), `${take.format.toUpperCase()}, ${(take.sample_rate / 1000).toFixed(1)} kHz`, null],
    [t('recipe.when'), new Date(take.created_at).toLocaleString(i18n.language), null],
  ]
  return (
    <div className={styles.panel}>
      <dl className={styles.recipe}>
        {rows
          .filter(([, value]) => value)
          .map(([name, value, who]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd dir="auto">
                {value}
                {who ? <span className={styles.who}>{who}</span> : null}
              </dd>
            </div>
          ))}
      </dl>
      {take.reasons.length ? (
        <div>
          <h3>{t('takes:reasons')}</h3>
          <ul className={styles.reasons}>
            {take.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </div>
      ) : null}
      <div className={styles.buttons}>
        {remake && (!task || task.kind === 'compose') ? (
          <Button onPress={() => void navigate('/', { state: { request: remake } })}>
            <PenLine size={16} aria-hidden /> {t('remake')}
          </Button>
        ) : null}
        <Button
          look="quiet"
          onPress={() => {
            const { request: asked, blueprint, seed, sha256, kind, created_at } = take
            const text = JSON.stringify(
              { kind, seed, sha256, created_at, request: asked, blueprint },
              null,
              2,
            )
            void navigator.clipboard.writeText(text).then(() => toast(t('copied')))
          }}
        >
          <Copy size={16} aria-hidden /> {t('copyRecipe')}
        </Button>
      </div>
    </div>
  )
}
