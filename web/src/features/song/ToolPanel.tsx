/** Every way to make another version of the take on screen. Which are offered is the checkpoint's to say. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSing } from '@/api/mutations'
import { useDefaults, useModels } from '@/api/queries'
import type { Song, SongRequest, Take } from '@/api/types'
import { Button } from '@/components/Button'
import { Notice } from '@/components/feedback'
import {
  Chips,
  NumberField,
  Segments,
  Select,
  Slider,
  TextArea,
  TextField,
  ToggleChip,
} from '@/components/fields'
import { Fold } from '@/components/Fold'
import { toast } from '@/lib/toasts'
import type { Region } from './region'
import {
  offered,
  submission,
  TOOLS,
  wordsOf,
  type Tool,
  type ToolKind,
  type Track,
  type Words,
} from './requests'
import styles from './song.module.css'
import { exactClock } from './TimeField'

const percent = (value: number) => `${Math.round(value * 100)} %`

interface Settings {
  freedom: number
  beforeS: number
  afterS: number
  nearness: number
  strength: number
  track: Track | null
  part: string
  tracks: Track[]
}

const START: Settings = {
  freedom: 0.5,
  beforeS: 0,
  afterS: 15,
  nearness: 0.8,
  strength: 0.8,
  track: null,
  part: '',
  tracks: [],
}

function toolOf(kind: ToolKind, set: Settings, region: Region | null, first: Track): Tool | null {
  const track = set.track ?? first
  switch (kind) {
    case 'repaint':
      return region && { kind, ...region, strength: set.freedom }
    case 'extend':
      return set.beforeS + set.afterS > 0 ? { kind, beforeS: set.beforeS, afterS: set.afterS } : null
    case 'retake':
      return { kind, variance: Math.round((1 - set.nearness) * 100) / 100 }
    case 'cover':
    case 'edit':
      return { kind, strength: set.strength }
    case 'extract':
      return { kind, track }
    case 'lego':
      return { kind, track, part: set.part }
    case 'complete':
      return { kind, tracks: set.tracks }
  }
}

/** Tools whose result hears other words or another style. */
const WORDED: readonly ToolKind[] = ['repaint', 'extend', 'cover', 'edit']

export function ToolPanel({ song, take, region }: { song: Song; take: Take; region: Region | null }) {
  const { t } = useTranslation(['song', 'common', 'takes'])
  const sing = useSing()
  const models = useModels()
  const own = (take.request as SongRequest | null)?.model ?? null
  const [model, setModel] = useState<string | null>(null)
  const defaults = useDefaults(model ?? own)
  const [chosen, setChosen] = useState<ToolKind | null>(null)
  const [set, setSet] = useState<Settings>(START)
  const [takes, setTakes] = useState(1)
  const before = wordsOf(take, song)
  const [words, setWords] = useState<Words>(before)
  const change = (part: Partial<Settings>) => {
    setSet({ ...set, ...part })
  }

  const able = (models.data ?? []).filter((one) => one.here && one.generates)
  const choices = able.length > 1 ? able : []
  const modelField = choices.length ? (
    <Select
      label={t('model')}
      none={own ?? t('common:auto')}
      value={model}
      onChange={setModel}
      options={choices
        .filter((one) => one.name !== own)
        .map((one) => ({ value: one.name, label: one.name, description: one.about }))}
    />
  ) : null

  if (!defaults.data) return defaults.isError ? <Notice kind="bad">{defaults.error.message}</Notice> : null
  const tools = offered(defaults.data.tasks, take)
  const kind = chosen && tools.includes(chosen) ? chosen : (tools[0] ?? null)
  const missing = TOOLS.filter((one) => !tools.includes(one))
  const others = able.filter(
    (one) => missing.some((task) => one.tasks.includes(task)) && one.name !== defaults.data.model,
  )
  if (!kind)
    return (
      <div className={styles.panel}>
        <Notice>{t('noTools', { model: defaults.data.model })}</Notice>
        {modelField}
      </div>
    )

  const tracks = defaults.data.tracks as Track[]
  const tool = toolOf(kind, set, region, tracks[0] ?? 'vocals')
  const changed = words.caption.trim() !== before.caption || words.lyrics.trim() !== before.lyrics
  const ready = tool !== null && !(kind === 'edit' && !changed)
  const trackField = (
    <Select
      label={t('track')}
      value={set.track ?? tracks[0] ?? null}
      onChange={(track) => {
        change({ track })
      }}
      options={tracks.map((track) => ({ value: track, label: t(`tracks.${track}`) }))}
    />
  )
  const wordFields = (
    <>
      <TextArea
        label={t('style')}
        value={words.caption}
        rows={2}
        dir="auto"
        maxLength={2000}
        onChange={(caption) => {
          setWords({ ...words, caption })
        }}
      />
      <TextArea
        label={t('lyrics')}
        value={words.lyrics}
        rows={6}
        dir="auto"
        maxLength={10_000}
        onChange={(lyrics) => {
          setWords({ ...words, lyrics })
        }}
      />
    </>
  )

  const go = () => {
    if (!tool) return
    sing.mutate(
      {
        body: submission(tool, take, song, {
          takes,
          model,
          words: WORDED.includes(kind) ? words : before,
        }),
      },
      {
        onSuccess: () => {
          toast(t('sent'))
        },
      },
    )
  }

  return (
    <div className={styles.panel}>
      <Segments
        label={t('tool')}
        value={kind}
        onChange={setChosen}
        options={tools.map((one) => ({ value: one, label: t(`kinds.${one}`) }))}
        className={styles.tools}
      />
      <p className="quiet">{t(`about.${kind}`)}</p>

      {kind === 'repaint' ? (
        <>
          {region ? (
            <p className={styles.span}>
              {t('fromTo', { from: exactClock(region.startS), to: exactClock(region.endS) })}
            </p>
          ) : (
            <Notice>{t('selectFirst')}</Notice>
          )}
          <Slider
            label={t('freedom')}
            value={set.freedom}
            step={0.05}
            format={percent}
            onChange={(freedom) => {
              change({ freedom })
            }}
          />
        </>
      ) : null}
      {kind === 'extend' ? (
        <div className={styles.pair}>
          <NumberField
            label={t('before')}
            value={set.beforeS}
            minValue={0}
            maxValue={300}
            suffix="s"
            onChange={(value) => {
              change({ beforeS: value ?? 0 })
            }}
          />
          <NumberField
            label={t('after')}
            value={set.afterS}
            minValue={0}
            maxValue={300}
            suffix="s"
            onChange={(value) => {
              change({ afterS: value ?? 0 })
            }}
          />
        </div>
      ) : null}
      {kind === 'retake' ? (
        <Slider
          label={t('nearness')}
          value={set.nearness}
          step={0.05}
          format={percent}
          onChange={(nearness) => {
            change({ nearness })
          }}
        />
      ) : null}
      {kind === 'cover' || kind === 'edit' ? (
        <>
          <Slider
            label={t('strength')}
            value={set.strength}
            step={0.05}
            format={percent}
            onChange={(strength) => {
              change({ strength })
            }}
          />
          <div className={styles.ends} aria-hidden>
            <span>{t('inspired')}</span>
            <span>{t('same')}</span>
          </div>
        </>
      ) : null}
      {kind === 'extract' || kind === 'lego' ? trackField : null}
      {kind === 'lego' ? (
        <TextField
          label={t('part')}
          placeholder={t('partHint')}
          value={set.part}
          maxLength={2000}
          onChange={(part) => {
            change({ part })
          }}
        />
      ) : null}
      {kind === 'complete' ? (
        <Chips label={t('addTracks')}>
          {tracks.map((track) => (
            <ToggleChip
              key={track}
              isSelected={set.tracks.includes(track)}
              onChange={(on) => {
                change({ tracks: on ? [...set.tracks, track] : set.tracks.filter((one) => one !== track) })
              }}
            >
              {t(`tracks.${track}`)}
            </ToggleChip>
          ))}
        </Chips>
      ) : null}

      {kind === 'edit' || kind === 'cover' ? (
        wordFields
      ) : WORDED.includes(kind) ? (
        <Fold title={t('words')} summary={changed ? t('changed') : null}>
          {wordFields}
        </Fold>
      ) : null}

      <div className={styles.pair}>
        <NumberField
          label={t('takes:takes')}
          value={takes}
          minValue={1}
          maxValue={8}
          onChange={(value) => {
            setTakes(value ?? 1)
          }}
        />
        {modelField}
      </div>
      <Button look="primary" size="large" isDisabled={!ready || sing.isPending} onPress={go}>
        {t(`do.${kind}`)}
      </Button>
      {kind === 'edit' && !changed ? <p className="quiet">{t('changeFirst')}</p> : null}
      {missing.length && others.length ? (
        <p className={styles.small}>
          {t('otherModels', {
            models: others
              .map((one) => one.name)
              .slice(0, 3)
              .join(', '),
          })}
        </p>
      ) : null}
    </div>
  )
}
