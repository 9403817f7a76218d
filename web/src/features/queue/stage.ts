/** What a job is doing, in words, and how far it is. The engine names its stages; unknown names are shown as they are. */
import type { TFunction } from 'i18next'
import type { Job } from '@/api/types'

const STAGES: readonly [RegExp, string][] = [
  [/^(sing|denoise)/, 'sing'],
  [/^edit/, 'edit'],
  [/^decode/, 'decode'],
  [/^prepare/, 'prepare'],
  [/^load|^wake/, 'load'],
  [/^listen|^understand/, 'listen'],
  [/^write the song|^rewrite|words/, 'words'],
  [/^write audio codes/, 'codes'],
  [/^write the plan|^plan|^draft/, 'plan'],
  [/judge|score|rank/, 'judge'],
  [/^fetch|^pull|^download/, 'fetch'],
  [/^finish|^store|^save|^master/, 'finish'],
]

/** The catalogue's name of a stage, or null. */
export const stageKey = (stage: string): string | null =>
  STAGES.find(([pattern]) => pattern.test(stage.toLowerCase()))?.[1] ?? null

const SUNG = ['sing', 'edit', 'decode', 'finish']

/** How far each take is, 0–1: those before the present one are done. */
export function takeShares(job: Job): number[] {
  const total = Math.max(1, job.takes)
  const key = job.stage ? stageKey(job.stage) : null
  const inTake = key === 'sing' || key === 'edit' ? 0.9 * (job.step / Math.max(1, job.steps)) : 0.9
  return Array.from({ length: total }, (_, at) => {
    if (job.state === 'done') return 1
    if (job.state !== 'running' || job.kind !== 'sing') return 0
    const current = Math.max(1, job.take_number) - 1
    if (at < current) return 1
    if (at > current || key === null || !SUNG.includes(key)) return 0
    return inTake
  })
}

/** How far the whole is, 0–1; null where nobody knows. */
export function wholeShare(job: Job): number | null {
  if (job.state !== 'running') return job.state === 'done' ? 1 : 0
  if (job.kind === 'sing') {
    const shares = takeShares(job)
    const sum = shares.reduce((all, share) => all + share, 0) / shares.length
    return sum > 0 ? sum : null
  }
  return job.steps > 1 ? Math.min(1, job.step / job.steps) : null
}

export function stageText(t: TFunction<'queue'>, job: Job): string {
  if (job.cancel_requested && (job.state === 'running' || job.state === 'queued'))
    return t('states.cancelling')
  if (job.state === 'queued')
    return job.position ? t('states.queuedAfter', { count: job.position }) : t('states.queued')
  if (job.state !== 'running') return t(`states.${job.state}`)
  if (!job.stage) return t('states.running')
  const key = stageKey(job.stage)
  if (key === 'sing')
    return job.takes > 1
      ? t('stages.sing', { number: Math.max(1, job.take_number), total: job.takes })
      : t('stages.singOne')
  return key ? t(`stages.${key}` as 'stages.decode') : job.stage
}

/** A job's place among those that wait, changed by priority: what to set so that it stands before or after another. */
export function priorityFor(jobs: readonly Job[], id: string, direction: 'sooner' | 'later'): number | null {
  const waiting = jobs.filter((job) => job.state === 'queued')
  const at = waiting.findIndex((job) => job.id === id)
  const other = waiting[direction === 'sooner' ? at - 1 : at + 1]
  if (at < 0 || !other) return null
  const priority = other.priority + (direction === 'sooner' ? 1 : -1)
  return priority >= -10 && priority <= 10 ? priority : null
}
