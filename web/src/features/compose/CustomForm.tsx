/** Everything that can be decided, folded away by subject; each fold says what is set in it. */
import { Dices, X } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { useModels } from '@/api/queries'
import type { Defaults } from '@/api/types'
import { IconButton } from '@/components/Button'
import { Fold } from '@/components/Fold'
import {
  ActionChip,
  Chips,
  NumberField,
  Segments,
  Select,
  Slider,
  Switch,
  TextField,
} from '@/components/fields'
import { clock, languageName } from '@/lib/format'
import { drawSeed, type Draft } from './draft'
import { LengthField } from './LengthField'
import { LyricsEditor } from './LyricsEditor'
import { KEYS } from './plan'
import { ReferenceField } from './ReferenceField'
import { StyleField } from './StyleField'
import styles from './compose.module.css'

export interface FormProps {
  draft: Draft
  change: (part: Partial<Draft>) => void
  defaults: Defaults | undefined
}

const METERS = ['2', '3', '4', '6'] as const

export function useKeyOptions() {
  const { t } = useTranslation('compose')
  return KEYS.map((key) => {
    const [note = '', mode = 'major'] = key.split(' ')
    return {
      value: key,
      label: t(`keys.${mode as 'major' | 'minor'}`, { note: note.replace('#', '♯').replace('b', '♭') }),
    }
  })
}

export function useLanguageOptions(defaults: Defaults | undefined) {
  const { i18n } = useTranslation()
  const shownIn = i18n.resolvedLanguage ?? 'en'
  return (defaults?.languages ?? [])
    .filter((code) => code !== 'unknown')
    .map((code) => ({ value: code, label: languageName(code, shownIn) }))
    .sort((a, b) => a.label.localeCompare(b.label, shownIn))
}

function MusicFields({ draft, change, defaults }: FormProps) {
  const { t } = useTranslation('compose')
  const auto = t('common:auto')
  return (
    <div className={styles.grid}>
      <LengthField
        value={draft.durationS}
        defaults={defaults}
        onChange={(durationS) => {
          change({ durationS })
        }}
      />
      <NumberField
        label={t('bpm')}
        value={draft.bpm}
        onChange={(bpm) => {
          change({ bpm })
        }}
        minValue={30}
        maxValue={300}
        placeholder={auto}
        suffix={t('bpmUnit')}
      />
      <Select
        label={t('key')}
        value={draft.key}
        onChange={(key) => {
          change({ key })
        }}
        options={useKeyOptions()}
        none={auto}
      />
      <Select
        label={t('meter')}
        value={draft.meter === null ? null : (String(draft.meter) as (typeof METERS)[number])}
        onChange={(meter) => {
          change({ meter: meter === null ? null : Number(meter) })
        }}
        options={METERS.map((meter) => ({ value: meter, label: t(`meters.${meter}`) }))}
        none={auto}
      />
      <Select
        label={t('language')}
        value={draft.language}
        onChange={(language) => {
          change({ language })
        }}
        options={useLanguageOptions(defaults)}
        none={auto}
        isDisabled={draft.instrumental}
      />
    </div>
  )
}

function ModelFields({ draft, change, defaults }: FormProps) {
  const { t } = useTranslation('compose')
  const models = useModels()
  const usable = (models.data ?? []).filter((model) => model.generates && model.here)
  const free = (defaults?.adapters ?? []).filter((name) => !draft.adapters.some((one) => one.name === name))
  return (
    <div className={styles.stack}>
      <Select
        label={t('model')}
        value={draft.model}
        onChange={(model) => {
          change({ model })
        }}
        none={draft.model === null && defaults ? t('modelAuto', { name: defaults.model }) : t('common:auto')}
        options={usable.map((model) => ({
          value: model.name,
          label: model.name,
          description: model.fits === false ? t('modelTight') : model.about,
        }))}
      />
      {draft.adapters.map((adapter) => (
        <div key={adapter.name} className={styles.adapter}>
          <Slider
            label={adapter.name}
            value={adapter.weight}
            minValue={0}
            maxValue={2}
            step={0.05}
            format={(value) => value.toFixed(2)}
            onChange={(weight) => {
              change({
                adapters: draft.adapters.map((one) => (one.name === adapter.name ? { ...one, weight } : one)),
              })
            }}
          />
          <IconButton
            label={t('adapterRemove', { name: adapter.name })}
            size="small"
            onPress={() => {
              change({ adapters: draft.adapters.filter((one) => one.name !== adapter.name) })
            }}
          >
            <X size={16} aria-hidden />
          </IconButton>
        </div>
      ))}
      {free.length ? (
        <Chips label={t('adapterAdd')}>
          {free.map((name) => (
            <ActionChip
              key={name}
              onPress={() => {
                change({ adapters: [...draft.adapters, { name, weight: 1 }] })
              }}
            >
              + {name}
            </ActionChip>
          ))}
        </Chips>
      ) : null}
      {defaults?.adapters.length === 0 ? <p className={styles.small}>{t('adaptersNone')}</p> : null}
    </div>
  )
}

function TakesFields({ draft, change }: FormProps) {
  const { t } = useTranslation('compose')
  return (
    <div className={styles.stack}>
      <div className={styles.row}>
        <Segments
          label={t('takes')}
          value={String(draft.takes)}
          onChange={(takes) => {
            change({ takes: Number(takes) })
          }}
          options={['1', '2', '3', '4', '6', '8'].map((value) => ({
            value,
            label: <span className="num">{value}</span>,
          }))}
        />
      </div>
      <p className={styles.small}>{t('takesHint')}</p>
      <div className={styles.row}>
        <Switch
          isSelected={draft.seedLocked}
          onChange={(seedLocked) => {
            change({ seedLocked, seed: draft.seed || drawSeed() })
          }}
        >
          {t('seedLock')}
        </Switch>
        {draft.seedLocked ? (
          <>
            <TextField
              label={t('seed')}
              labelHidden
              className={styles.seed}
              value={draft.seed}
              onChange={(seed) => {
                change({ seed: seed.replace(/\D/g, '').slice(0, 10) })
              }}
            />
            <IconButton
              label={t('seedDraw')}
              size="small"
              onPress={() => {
                change({ seed: drawSeed() })
              }}
            >
              <Dices size={16} aria-hidden />
            </IconButton>
          </>
        ) : null}
      </div>
      <p className={styles.small}>{t('seedHint')}</p>
    </div>
  )
}

const SOLVERS = ['euler', 'heun', 'dpm2m', 'pingpong'] as const
const METHODS = ['apg', 'cfg', 'adg', 'cfg_star'] as const

function ExpertFields({ draft, change, defaults }: FormProps) {
  const { t } = useTranslation('compose')
  const auto = t('common:auto')
  const preferred = defaults?.sampling
  const set = (part: Partial<Draft['sampling']>) => {
    change({ sampling: { ...draft.sampling, ...part } })
  }
  const shown = (value: string | number | null | undefined) =>
    value === null || value === undefined ? auto : String(value)
  const open = (value: string | null | undefined) => (value ? `${auto} · ${value}` : auto)
  return (
    <div className={styles.stack}>
      <p className={styles.small}>{t('expertHint')}</p>
      <div className={styles.grid}>
        <NumberField
          label={t('steps')}
          value={draft.sampling.steps ?? null}
          placeholder={shown(preferred?.steps)}
          minValue={1}
          maxValue={200}
          onChange={(steps) => {
            set({ steps })
          }}
        />
        <NumberField
          label={t('guidance')}
          value={draft.sampling.guidance ?? null}
          placeholder={shown(preferred?.guidance)}
          minValue={0}
          maxValue={30}
          step={0.5}
          onChange={(guidance) => {
            set({ guidance })
          }}
        />
        <NumberField
          label={t('shift')}
          value={draft.sampling.shift ?? null}
          placeholder={shown(preferred?.shift)}
          minValue={0.1}
          maxValue={20}
          step={0.1}
          onChange={(shift) => {
            set({ shift })
          }}
        />
        <Select
          label={t('solver')}
          value={draft.sampling.solver ?? null}
          onChange={(solver) => {
            set({ solver })
          }}
          options={SOLVERS.map((value) => ({ value, label: value }))}
          none={open(preferred?.solver)}
        />
        <Select
          label={t('guidanceMethod')}
          value={draft.sampling.guidance_method ?? null}
          onChange={(guidance_method) => {
            set({ guidance_method })
          }}
          options={METHODS.map((value) => ({ value, label: value }))}
          none={open(preferred?.guidance_method)}
        />
        {defaults?.planner ? (
          <NumberField
            label={t('temperature')}
            value={draft.temperature}
            placeholder="0.85"
            minValue={0}
            maxValue={2}
            step={0.05}
            onChange={(temperature) => {
              change({ temperature })
            }}
          />
        ) : null}
      </div>
      {defaults?.planner ? (
        <>
          <Switch
            isSelected={draft.usePlanner}
            onChange={(usePlanner) => {
              change({ usePlanner })
            }}
          >
            {t('usePlanner')}
          </Switch>
          <Switch
            isSelected={draft.enrichCaption}
            isDisabled={!draft.usePlanner}
            onChange={(enrichCaption) => {
              change({ enrichCaption })
            }}
          >
            {t('enrich')}
          </Switch>
        </>
      ) : (
        <p className={styles.small}>{t('noPlanner')}</p>
      )}
      <Switch
        isSelected={draft.master}
        onChange={(master) => {
          change({ master })
        }}
      >
        {t('master')}
      </Switch>
    </div>
  )
}

export function CustomForm(props: FormProps) {
  const { draft, change, defaults } = props
  const { t, i18n } = useTranslation('compose')
  const music = [
    draft.durationS !== null ? clock(draft.durationS) : null,
    draft.bpm !== null ? `${draft.bpm} ${t('bpmUnit')}` : null,
    draft.key,
    draft.meter !== null ? t(`meters.${String(draft.meter) as '4'}`) : null,
    draft.language ? languageName(draft.language, i18n.resolvedLanguage ?? 'en') : null,
  ].filter(Boolean)
  const changed =
    Object.values(draft.sampling).filter((value) => value !== null && value !== undefined).length +
    [!draft.usePlanner, !draft.enrichCaption, draft.temperature !== null, !draft.master].filter(Boolean)
      .length

  return (
    <div className={styles.custom}>
      <StyleField
        value={draft.caption}
        onChange={(caption) => {
          change({ caption })
        }}
      />
      <div className={styles.lyricsHead}>
        <Switch
          isSelected={draft.instrumental}
          onChange={(instrumental) => {
            change({ instrumental })
          }}
        >
          {t('instrumental')}
        </Switch>
      </div>
      {draft.instrumental ? null : (
        <LyricsEditor
          value={draft.lyrics}
          onChange={(lyrics) => {
            change({ lyrics })
          }}
          durationS={draft.durationS ?? defaults?.duration_s ?? 30}
          maxDurationS={defaults?.max_duration_s ?? 600}
          language={draft.language}
          onLength={(durationS) => {
            change({ durationS })
          }}
        />
      )}
      <TextField
        label={t('name')}
        value={draft.title}
        maxLength={200}
        placeholder={t('namePlaceholder')}
        onChange={(title) => {
          change({ title })
        }}
      />
      <div>
        <Fold title={t('music')} summary={music.length ? music.join(' · ') : t('common:auto')}>
          <MusicFields {...props} />
        </Fold>
        <Fold title={t('fromSound')} summary={draft.reference?.name}>
          <ReferenceField
            value={draft.reference}
            onChange={(reference) => {
              change({ reference })
            }}
          />
        </Fold>
        <Fold
          title={t('modelAndAdapters')}
          summary={[
            draft.model ?? defaults?.model ?? t('common:auto'),
            ...draft.adapters.map((one) => one.name),
          ].join(' + ')}
        >
          <ModelFields {...props} />
        </Fold>
        <Fold
          title={t('takes')}
          summary={
            <>
              {[
                t('takesShort', { count: draft.takes }),
                draft.seedLocked ? t('seedSummary', { seed: draft.seed }) : null,
              ]
                .filter(Boolean)
                .join(' · ')}
            </>
          }
        >
          <TakesFields {...props} />
        </Fold>
        <Fold title={t('expert')} summary={changed ? t('changed', { count: changed }) : t('common:auto')}>
          <ExpertFields {...props} />
        </Fold>
      </div>
    </div>
  )
}
