/** The plan before it is sung: what was decided and by whom, each part editable, the chords too where there are any. */
import clsx from 'clsx'
import { useState } from 'react'
import { Dialog, DialogTrigger, Popover, Button as AriaButton } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { Blueprint, Defaults } from '@/api/types'
import { Button } from '@/components/Button'
import { Notice } from '@/components/feedback'
import { ActionChip, Chips, NumberField, Select, TextArea, TextField } from '@/components/fields'
import { MAX_CAPTION } from './StyleField'
import { useKeyOptions, useLanguageOptions } from './CustomForm'
import { LengthField } from './LengthField'
import { LyricsEditor } from './LyricsEditor'
import { chordRows, chordsOf, edited, isChord, withChord, withPlayer } from './plan'
import styles from './compose.module.css'

const INSTRUMENTAL = '[instrumental]'
const METERS = ['2', '3', '4', '6'] as const
const DECIDERS = ['person', 'planner', 'default', 'source', 'generator'] as const

/** A sign too small for a keyboard, ♯ and ♭, made large enough for the eye. */
const pretty = (symbol: string) => symbol.replaceAll('#', '♯').replace(/([A-G])b/g, '$1♭')

function ChordCell({
  symbol,
  share,
  name,
  offers,
  onChange,
}: {
  symbol: string
  share: number
  name: string
  offers: string[]
  onChange: (symbol: string) => void
}) {
  const { t } = useTranslation('compose')
  const [text, setText] = useState(symbol)
  return (
    <DialogTrigger
      onOpenChange={() => {
        setText(symbol)
      }}
    >
      <AriaButton className={styles.chord} style={{ flexGrow: share }} aria-label={name}>
        {pretty(symbol)}
      </AriaButton>
      <Popover className={styles.chordPopover} offset={4}>
        <Dialog aria-label={t('plan.chordEdit')} className={styles.chordDialog}>
          {({ close }) => {
            const choose = (next: string) => {
              onChange(next)
              close()
            }
            return (
              <>
                <Chips label={t('plan.chordEdit')}>
                  {offers.map((offer) => (
                    <ActionChip
                      key={offer}
                      onPress={() => {
                        choose(offer)
                      }}
                    >
                      {pretty(offer)}
                    </ActionChip>
                  ))}
                </Chips>
                <form
                  className={styles.chordForm}
                  onSubmit={(event) => {
                    event.preventDefault()
                    if (isChord(text.trim())) choose(text.trim())
                  }}
                >
                  <TextField
                    label={t('plan.chordEdit')}
                    labelHidden
                    value={text}
                    onChange={setText}
                    error={text && !isChord(text.trim()) ? t('plan.chordBad') : null}
                  />
                  <Button type="submit" isDisabled={!isChord(text.trim())}>
                    {t('plan.chordSet')}
                  </Button>
                </form>
              </>
            )
          }}
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
}

function Chords({ plan, onChange }: { plan: Blueprint; onChange: (plan: Blueprint) => void }) {
  const { t } = useTranslation('compose')
  if (!plan.score) return null
  const offers = chordsOf(plan.score.key)
  const tags = t('tags', { returnObjects: true }) as Record<string, string>
  return (
    <div className={styles.chords}>
      <h2 className={styles.fieldName}>{t('plan.chords')}</h2>
      {chordRows(plan.score).map((row, at) => (
        <div key={at} className={styles.chordRow}>
          <span className={styles.chordTag}>
            {tags[row.tag] ?? row.tag}
            <span className="num quiet">{t('plan.bars', { count: row.bars })}</span>
          </span>
          <div className={styles.chordCells}>
            {row.cells.map((cell, number) => (
              <ChordCell
                key={cell.index}
                symbol={cell.symbol}
                share={cell.length}
                offers={offers}
                name={t('plan.chord', {
                  number: number + 1,
                  section: tags[row.tag] ?? row.tag,
                  symbol: cell.symbol,
                })}
                onChange={(symbol) => {
                  onChange(withChord(plan, cell.index, symbol))
                }}
              />
            ))}
          </div>
        </div>
      ))}
    </div>
  )
}

/** Who plays the tune and who accompanies, where the model plays from a score. */
function Players({
  plan,
  instruments,
  onChange,
}: {
  plan: Blueprint
  instruments: string[]
  onChange: (plan: Blueprint) => void
}) {
  const { t } = useTranslation('compose')
  const band = plan.score?.band ?? []
  if (!plan.score || !instruments.length) return null
  const names = [...new Set([...instruments, ...band])].sort((a, b) => a.localeCompare(b))
  const options = names.map((name) => ({ value: name, label: name }))
  return (
    <div className={styles.grid}>
      {([0, 1] as const).map((place) => (
        <Select
          key={place}
          label={t(place === 0 ? 'plan.tune' : 'plan.company')}
          value={band[place] ?? null}
          options={options}
          onChange={(instrument) => {
            if (instrument) onChange(withPlayer(plan, place, instrument))
          }}
        />
      ))}
    </div>
  )
}

export function PlanPanel({
  plan,
  onChange,
  defaults,
}: {
  plan: Blueprint
  onChange: (plan: Blueprint) => void
  defaults: Defaults | undefined
}) {
  const { t } = useTranslation('compose')
  const keyOptions = useKeyOptions()
  const languageOptions = useLanguageOptions(defaults)
  const [dropped, setDropped] = useState(false)
  const instrumental = ['', INSTRUMENTAL].includes(plan.lyrics.trim().toLowerCase())

  const edit = (change: Parameters<typeof edited>[1]) => {
    const after = edited(plan, change)
    if (plan.score && !after.score) setDropped(true)
    onChange(after)
  }
  const by = (field: string) => {
    const who = DECIDERS.find((one) => one === plan.decided_by?.[field])
    return who ? t(`plan.decided.${who}`) : undefined
  }

  return (
    <div className={clsx(styles.stack, styles.plan)}>
      <p className={styles.small}>{t('plan.about')}</p>
      <TextArea
        label={t('style')}
        hint={by('caption')}
        value={plan.caption}
        maxLength={MAX_CAPTION}
        rows={2}
        dir="auto"
        onChange={(caption) => {
          edit({ caption })
        }}
      />
      {instrumental ? (
        <p className={styles.small}>{t('lyricsInstrumental')}</p>
      ) : (
        <LyricsEditor
          value={plan.lyrics}
          durationS={plan.duration_s}
          maxDurationS={defaults?.max_duration_s ?? 600}
          language={plan.language ?? null}
          onLength={(duration_s) => {
            edit({ duration_s })
          }}
          onChange={(lyrics) => {
            edit({ lyrics })
          }}
        />
      )}
      <div className={styles.grid}>
        <LengthField
          key={plan.duration_s}
          isRequired
          value={plan.duration_s}
          defaults={defaults}
          onChange={(duration_s) => {
            if (duration_s !== null) edit({ duration_s })
          }}
        />
        <NumberField
          label={t('bpm')}
          hint={by('bpm')}
          value={plan.bpm ?? null}
          minValue={30}
          maxValue={300}
          placeholder={t('plan.open')}
          suffix={t('bpmUnit')}
          onChange={(bpm) => {
            edit({ bpm })
          }}
        />
        <Select
          label={t('key')}
          hint={by('key')}
          value={plan.key ?? null}
          options={keyOptions}
          none={t('plan.open')}
          onChange={(key) => {
            edit({ key })
          }}
        />
        <Select
          label={t('meter')}
          hint={by('meter')}
          value={plan.meter ? (String(plan.meter) as '4') : null}
          options={METERS.map((meter) => ({ value: meter, label: t(`meters.${meter}`) }))}
          none={t('plan.open')}
          onChange={(meter) => {
            edit({ meter: meter === null ? null : (Number(meter) as 4) })
          }}
        />
        {instrumental ? null : (
          <Select
            label={t('language')}
            hint={by('language')}
            value={plan.language && plan.language !== 'unknown' ? plan.language : null}
            options={languageOptions}
            none={t('plan.open')}
            onChange={(language) => {
              edit({ language: language ?? 'unknown' })
            }}
          />
        )}
      </div>
      <Players plan={plan} instruments={defaults?.instruments ?? []} onChange={onChange} />
      <Chords plan={plan} onChange={onChange} />
      {dropped && !plan.score ? <Notice>{t('plan.scoreDropped')}</Notice> : null}
      {plan.codes?.length ? <p className={styles.small}>{t('plan.codes')}</p> : null}
    </div>
  )
}
