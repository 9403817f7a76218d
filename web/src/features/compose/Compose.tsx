/**
 * The page on which songs begin. Simple: one box and one button. Custom: everything, folded.
 *
 * The form is one draft kept in this browser. "Plan first" replaces it by the plan until that is sung or discarded.
 */
import { Dices, RotateCcw, Sparkles } from 'lucide-react'
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { Link } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { isActive } from '@/api/events'
import { usePlan, useSing } from '@/api/mutations'
import { useDefaults, useExamples, useJob, useJobs, useSongs } from '@/api/queries'
import type { Blueprint, Example, SongRequest } from '@/api/types'
import { Button, IconButton } from '@/components/Button'
import { Notice, Progress } from '@/components/feedback'
import { Segments, Select, Switch, TextArea } from '@/components/fields'
import { clock } from '@/lib/format'
import { useStored } from '@/lib/stored'
import { drawName } from '@/lib/random'
import { toast } from '@/lib/toasts'
import { CustomForm, type FormProps } from './CustomForm'
import { BLANK, fromRequest, isReady, toRequest, toSubmission, withExample, type Draft } from './draft'
import { paceOf } from './estimate'
import { lengthsOf } from './LengthField'
import { PlanPanel } from './PlanPanel'
import { MAX_CAPTION } from './StyleField'
import styles from './compose.module.css'

export const DRAFT_KEY = 'melisma.draft'
const SHOWN_EXAMPLES = 4

function SimpleForm({ draft, change, defaults, submit }: FormProps & { submit: ReactNode }) {
  const { t } = useTranslation('compose')
  return (
    <div className={styles.box}>
      <TextArea
        label={t('describe')}
        labelHidden
        value={draft.caption}
        maxLength={MAX_CAPTION}
        placeholder={t('describePlaceholder')}
        areaClassName={styles.sentence}
        rows={3}
        dir="auto"
        onChange={(caption) => {
          change({ caption })
        }}
      />
      <div className={styles.boxFoot}>
        <Switch
          isSelected={draft.instrumental}
          onChange={(instrumental) => {
            change({ instrumental })
          }}
        >
          {t('instrumental')}
        </Switch>
        <Select
          label={t('length')}
          labelHidden
          className={styles.boxSelect}
          value={draft.durationS === null ? null : String(draft.durationS)}
          none={t('lengthShort', { value: t('common:auto') })}
          options={[
            ...new Set([...lengthsOf(defaults), ...(draft.durationS === null ? [] : [draft.durationS])]),
          ]
            .sort((a, b) => a - b)
            .map((length) => ({ value: String(length), label: t('lengthShort', { value: clock(length) }) }))}
          onChange={(length) => {
            change({ durationS: length === null ? null : Number(length) })
          }}
        />
        <Select
          label={t('takes')}
          labelHidden
          className={styles.boxSelect}
          value={String(draft.takes)}
          options={[...new Set([1, 2, 4, 8, draft.takes])]
            .sort((a, b) => a - b)
            .map((count) => ({ value: String(count), label: t('takesShort', { count }) }))}
          onChange={(takes) => {
            change({ takes: Number(takes ?? 1) })
          }}
        />
        {submit}
      </div>
    </div>
  )
}

function Examples({ choose }: { choose: (example: Example) => void }) {
  const { t } = useTranslation('compose')
  const examples = useExamples()
  const [turn, setTurn] = useState(() => Math.floor(Math.random() * 1000))
  const all = examples.data ?? []
  if (!all.length) return null
  const shown = Array.from(
    { length: Math.min(SHOWN_EXAMPLES, all.length) },
    (_, at) => all[(turn + at) % all.length]!,
  )
  return (
    <section className={styles.examples} aria-label={t('examples')}>
      <div className={styles.examplesHead}>
        <h2>{t('examples')}</h2>
        <Button
          look="quiet"
          size="small"
          onPress={() => {
            choose(all[Math.floor(Math.random() * all.length)]!)
            setTurn(turn + SHOWN_EXAMPLES)
          }}
        >
          <Dices size={16} aria-hidden />
          {t('surprise')}
        </Button>
      </div>
      <ul>
        {shown.map((example) => (
          <li key={example.title}>
            <button
              type="button"
              className={styles.example}
              onClick={() => {
                choose(example)
              }}
            >
              <strong dir="auto">{example.title}</strong>
              <span dir="auto">{example.caption}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** What people should know of the model. Its advice on commands is for the command line; here the settings do that. */
function ModelNotice({ text }: { text: string | null | undefined }) {
  const { t } = useTranslation('compose')
  if (!text) return null
  const words = text.split(/(?<=[.!?])\s+/).filter((sentence) => !sentence.includes('`'))
  return (
    <p className={styles.small}>
      {words.join(' ')}{' '}
      {words.join(' ') === text ? null : (
        <Link href="/settings/models" className={styles.link}>
          {t('moreModels')}
        </Link>
      )}
    </p>
  )
}

function usePace(model: string | null): number | null {
  const jobs = useJobs('done')
  const songs = useSongs()
  return useMemo(
    () => paceOf(jobs.data ?? [], songs.data?.pages.flatMap((page) => page.items) ?? [], model),
    [jobs.data, songs.data, model],
  )
}

export function Compose({
  initial,
  making,
}: {
  initial?: SongRequest | null
  /** Cards of what is being made. */
  making?: ReactNode
}) {
  const { t } = useTranslation('compose')
  const [draft, change] = useStored<Draft>(DRAFT_KEY, BLANK)
  const defaults = useDefaults(draft.mode === 'custom' ? draft.model : null)
  const sing = useSing()
  const plan = usePlan()
  const planJob = useJob(draft.planJob)
  const unanswered = useRef<{ words: string; key: string } | null>(null)
  const pace = usePace(defaults.data?.model ?? null)

  useEffect(() => {
    if (initial) change(fromRequest(initial))
  }, [initial, change])

  // A plan that arrives opens for reading; one that was asked for before a reload, too.
  const finished = planJob.data && !isActive(planJob.data) ? planJob.data : null
  useEffect(() => {
    const blueprint = finished?.result?.['blueprint'] as Blueprint | undefined
    if (blueprint && draft.planJob === finished?.id) change({ plan: blueprint, planJob: null })
    else if (finished?.state === 'cancelled') change({ planJob: null })
  }, [finished, draft.planJob, change])
  useEffect(() => {
    if (planJob.isError) change({ planJob: null })
  }, [planJob.isError, change])

  const planning = draft.planJob !== null && !finished
  const planFailed = finished?.state === 'failed' ? finished.error : null
  const ready = isReady(draft) || draft.plan !== null
  const musicS = (draft.plan?.duration_s ?? draft.durationS ?? defaults.data?.duration_s ?? 30) * draft.takes
  const wordless =
    !draft.instrumental &&
    defaults.data !== undefined &&
    !defaults.data.planner &&
    draft.caption.trim() !== '' &&
    (draft.mode === 'simple' || !draft.lyrics.trim())

  const create = () => {
    if (!ready || sing.isPending) return
    const body = toSubmission(draft, defaults.data)
    const words = JSON.stringify(body)
    // Sent again after an answer that never came, it is the same song.
    if (unanswered.current?.words !== words) unanswered.current = { words, key: drawName() }
    sing.mutate(
      { body, idempotencyKey: unanswered.current.key },
      {
        onSuccess: (job) => {
          unanswered.current = null
          toast(t('sent', { title: job.title }))
          change({ plan: null, planJob: null })
        },
      },
    )
  }
  const draftPlan = () => {
    plan.mutate(toRequest(draft, defaults.data), {
      onSuccess: (job) => {
        change({ planJob: job.id, plan: null })
      },
    })
  }
  const discardPlan = () => {
    const kept = draft.plan
    change({ plan: null, planJob: null })
    if (kept)
      toast(t('plan.discarded'), {
        label: t('common:undo'),
        run: () => {
          change({ plan: kept })
        },
      })
  }
  const reset = () => {
    const kept = draft
    change({ ...BLANK, mode: draft.mode })
    toast(t('resetDone'), {
      label: t('common:undo'),
      run: () => {
        change(kept)
      },
    })
  }

  const estimate =
    pace === null ? null : (
      <span className={styles.estimate} title={t('estimateHint')}>
        {t('estimate', { time: clock(pace * musicS) })}
      </span>
    )
  const createButton = (
    <Button look="primary" size="large" onPress={create} isDisabled={!ready || sing.isPending}>
      {sing.isPending ? t('creating') : draft.plan ? t('plan.sing') : t('create')}
    </Button>
  )
  const planButton = (
    <Button
      look="quiet"
      size="large"
      onPress={draftPlan}
      isDisabled={!isReady(draft) || planning || plan.isPending}
    >
      <Sparkles size={16} aria-hidden />
      {draft.plan ? t('plan.again') : t('planFirst')}
    </Button>
  )
  const form = { draft, change, defaults: defaults.data }
  const simple = draft.mode === 'simple' && !draft.plan

  return (
    // Ctrl+Enter works wherever the focus is within the form.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div
      className={styles.compose}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.preventDefault()
          create()
        }
      }}
    >
      <header className={styles.head}>
        <h1>{draft.plan ? t('plan.title') : t('title')}</h1>
        {draft.plan ? (
          <Button look="quiet" size="small" onPress={discardPlan}>
            {t('plan.discard')}
          </Button>
        ) : (
          <>
            <IconButton label={t('reset')} size="small" onPress={reset}>
              <RotateCcw size={16} aria-hidden />
            </IconButton>
            <Segments
              label={t('mode')}
              value={draft.mode}
              onChange={(mode) => {
                change({ mode })
              }}
              options={[
                { value: 'simple', label: t('simple') },
                { value: 'custom', label: t('custom') },
              ]}
            />
          </>
        )}
      </header>

      {draft.plan ? (
        <PlanPanel
          plan={draft.plan}
          defaults={defaults.data}
          onChange={(next) => {
            change({ plan: next })
          }}
        />
      ) : simple ? (
        <SimpleForm
          {...form}
          submit={
            <div className={styles.boxActions}>
              {planButton}
              {createButton}
            </div>
          }
        />
      ) : (
        <CustomForm {...form} />
      )}

      {simple ? null : making}
      {planning ? (
        <div className={styles.planning}>
          <span>{t('plan.making')}</span>
          <Progress
            label={t('plan.making')}
            value={planJob.data?.steps ? planJob.data.step / planJob.data.steps : null}
          />
        </div>
      ) : null}
      {planFailed ? (
        <Notice kind="bad">
          {t('plan.failed')}: {planFailed}
        </Notice>
      ) : null}
      {wordless && !draft.plan ? (
        <Notice>
          <span className={styles.noticeRow}>
            {t('noWords')}
            {draft.mode === 'simple' ? (
              <Button
                size="small"
                onPress={() => {
                  change({ mode: 'custom' })
                }}
              >
                {t('addLyrics')}
              </Button>
            ) : null}
          </span>
        </Notice>
      ) : null}

      {simple ? (
        <>
          {estimate || defaults.data?.notice ? (
            <div className={styles.under}>
              <ModelNotice text={defaults.data?.notice} />
              {estimate}
            </div>
          ) : null}
          {making}
          <Examples
            choose={(example) => {
              change(withExample(example))
            }}
          />
        </>
      ) : (
        <>
          <ModelNotice text={defaults.data?.notice} />
          <footer className={styles.foot}>
            {estimate}
            <span className={styles.grow} />
            {planButton}
            {createButton}
          </footer>
        </>
      )}
    </div>
  )
}
