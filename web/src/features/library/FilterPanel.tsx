/** Filters behind one button, and the ones that are on as chips beside it. */
import { SlidersHorizontal, X } from 'lucide-react'
import { Dialog, DialogTrigger, Popover } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { useDefaults, useMe, useTags } from '@/api/queries'
import { Button } from '@/components/Button'
import { ActionChip, Chips, NumberField, Select, Switch, ToggleChip } from '@/components/fields'
import { languageName } from '@/lib/format'
import styles from './library.module.css'
import { filterCount, KINDS, unfiltered, type Wanted } from './wanted'

const NOTES = ['C', 'C#', 'Db', 'D', 'Eb', 'E', 'F', 'F#', 'Gb', 'G', 'Ab', 'A', 'Bb', 'B']
const KEYS = NOTES.flatMap((note) => [`${note} major`, `${note} minor`])

export function FilterPanel({ wanted, want }: { wanted: Wanted; want: (change: Partial<Wanted>) => void }) {
  const { t, i18n } = useTranslation('library')
  const tags = useTags()
  const defaults = useDefaults(null)
  const me = useMe()
  const count = filterCount(wanted)
  return (
    <DialogTrigger>
      <Button>
        <SlidersHorizontal size={16} aria-hidden />
        {t('filter')}
        {count ? <span className={styles.badge}>{count}</span> : null}
      </Button>
      <Popover className={styles.popover} placement="bottom end">
        <Dialog aria-label={t('filter')} className={styles.filters}>
          <Switch
            isSelected={wanted.favourite}
            onChange={(favourite) => {
              want({ favourite })
            }}
          >
            {t('favourites')}
          </Switch>
          <div className={styles.pair}>
            <Select
              label={t('key')}
              none={t('any')}
              value={wanted.key}
              onChange={(key) => {
                want({ key })
              }}
              options={KEYS.map((key) => ({ value: key, label: key }))}
            />
            <Select
              label={t('language')}
              none={t('any')}
              value={wanted.language}
              onChange={(language) => {
                want({ language })
              }}
              options={(defaults.data?.languages ?? ['en', 'zh', 'ja', 'es', 'de'])
                .filter((code) => code !== 'unknown')
                .map((code) => ({ value: code, label: languageName(code, i18n.language) }))}
            />
          </div>
          <div className={styles.pair}>
            <NumberField
              label={t('bpmFrom')}
              placeholder={t('any')}
              value={wanted.bpmFrom}
              minValue={30}
              maxValue={300}
              onChange={(bpmFrom) => {
                want({ bpmFrom })
              }}
            />
            <NumberField
              label={t('bpmTo')}
              placeholder={t('any')}
              value={wanted.bpmTo}
              minValue={30}
              maxValue={300}
              onChange={(bpmTo) => {
                want({ bpmTo })
              }}
            />
          </div>
          <div className={styles.pair}>
            <Select
              label={t('madeBy')}
              none={t('any')}
              value={wanted.kind}
              onChange={(kind) => {
                want({ kind })
              }}
              options={KINDS.map((kind) => ({ value: kind, label: t(`kinds.${kind}`) }))}
            />
            {me.data?.open === false ? (
              <Select
                label={t('whose')}
                none={t('any')}
                value={wanted.shared === null ? null : wanted.shared ? 'shared' : 'own'}
                onChange={(whose) => {
                  want({ shared: whose === null ? null : whose === 'shared' })
                }}
                options={[
                  { value: 'own', label: t('own') },
                  { value: 'shared', label: t('shared') },
                ]}
              />
            ) : null}
          </div>
          {tags.data?.length ? (
            <Chips label={t('tags')}>
              {tags.data.slice(0, 24).map((tag) => (
                <ToggleChip
                  key={tag.name}
                  isSelected={wanted.tags.includes(tag.name)}
                  onChange={(on) => {
                    want({
                      tags: on ? [...wanted.tags, tag.name] : wanted.tags.filter((one) => one !== tag.name),
                    })
                  }}
                >
                  {tag.name} <span className="num">{tag.songs}</span>
                </ToggleChip>
              ))}
            </Chips>
          ) : null}
          <Button
            look="quiet"
            size="small"
            isDisabled={!count}
            onPress={() => {
              want(unfiltered(wanted))
            }}
          >
            {t('clearFilters')}
          </Button>
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
}

export function ActiveFilters({ wanted, want }: { wanted: Wanted; want: (change: Partial<Wanted>) => void }) {
  const { t, i18n } = useTranslation('library')
  const { bpmFrom, bpmTo } = wanted
  const on: [string, string, Partial<Wanted>][] = wanted.tags.map((tag) => [
    `tag-${tag}`,
    tag,
    { tags: wanted.tags.filter((one) => one !== tag) },
  ])
  if (wanted.favourite) on.push(['favourite', t('favourites'), { favourite: false }])
  if (wanted.key) on.push(['key', wanted.key, { key: null }])
  if (wanted.language) on.push(['language', languageName(wanted.language, i18n.language), { language: null }])
  if (bpmFrom !== null || bpmTo !== null)
    on.push(['bpm', `${bpmFrom ?? ''}–${bpmTo ?? ''} BPM`, { bpmFrom: null, bpmTo: null }])
  if (wanted.kind) on.push(['kind', t(`kinds.${wanted.kind}`), { kind: null }])
  if (wanted.shared !== null) on.push(['shared', t(wanted.shared ? 'shared' : 'own'), { shared: null }])
  if (!on.length) return null
  return (
    <Chips label={t('activeFilters')}>
      {on.map(([id, text, without]) => (
        <ActionChip
          key={id}
          label={t('without', { filter: text })}
          onPress={() => {
            want(without)
          }}
        >
          {text} <X size={12} aria-hidden />
        </ActionChip>
      ))}
    </Chips>
  )
}
