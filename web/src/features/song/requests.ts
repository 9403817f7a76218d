/**
 * What each tool of the song page asks the studio to do.
 *
 * An edit starts from the take on screen, never from the last one: its sound is the task's source, its plan says what is
 * sung and played. Lengths and seeds are left out, since the source has a length and a new take has a new seed.
 */
import { exactInteger } from '@/api/client'
import type { Blueprint, SingIn, Song, SongRequest, Take, TaskName } from '@/api/types'

export type Task = NonNullable<SongRequest['task']>
export type Track = Extract<Task, { kind: 'extract' }>['track']

export const INSTRUMENTAL = '[Instrumental]'

export interface Words {
  caption: string
  lyrics: string
}

export interface Common {
  takes: number
  /** null: the one that made the take. */
  model: string | null
  words: Words
}

export type Tool =
  | { kind: 'repaint'; startS: number; endS: number; strength: number }
  | { kind: 'extend'; beforeS: number; afterS: number }
  | { kind: 'retake'; variance: number }
  | { kind: 'cover'; strength: number }
  | { kind: 'edit'; strength: number }
  | { kind: 'extract'; track: Track }
  | { kind: 'lego'; track: Track; part: string }
  | { kind: 'complete'; tracks: Track[] }

type Source = Pick<Take, 'id' | 'sha256' | 'seed' | 'request' | 'blueprint' | 'duration_s' | 'title'>

const requestOf = (take: Source) => (take.request ?? {}) as SongRequest
export const planOf = (take: Source) => take.blueprint as Blueprint | null

const sung = (lyrics: string | null | undefined): string =>
  (lyrics ?? '').trim().toLowerCase() === INSTRUMENTAL.toLowerCase() ? '' : (lyrics ?? '').trim()

/** What a take says and sounds like, as words to start from. */
export function wordsOf(take: Source, song: Pick<Song, 'caption' | 'lyrics'>): Words {
  const plan = planOf(take)
  const request = requestOf(take)
  return {
    caption: plan?.caption ?? request.caption ?? song.caption,
    lyrics: sung(plan?.lyrics ?? request.lyrics ?? song.lyrics),
  }
}

/** Everything of the take's request that is not about one task, one length or one seed; plan before request. */
function carried(take: Source, common: Common): SongRequest {
  const { caption, reference, sampling, finish, adapters, planning, model } = requestOf(take)
  const { language, bpm, key, meter } = { ...requestOf(take), ...blanksLeftOut(planOf(take)) }
  const lyrics = sung(common.words.lyrics)
  const request: SongRequest = {
    caption: common.words.caption.trim() || (caption ?? ''),
    takes: common.takes,
    instrumental: lyrics === '',
  }
  if (lyrics) request.lyrics = lyrics
  if (language && language !== 'unknown' && lyrics) request.language = language
  if (bpm) request.bpm = bpm
  if (key) request.key = key
  if (meter) request.meter = meter
  if (reference?.sha256) request.reference = { sha256: reference.sha256 }
  if (finish) request.finish = finish
  if (planning) request.planning = planning
  const chosen = common.model ?? model
  // Sampling and adapters belong to the checkpoint they were chosen for.
  if (!common.model || common.model === model) {
    if (sampling) request.sampling = sampling
    if (adapters?.length) request.adapters = adapters
  }
  if (chosen) request.model = chosen
  return request
}

function blanksLeftOut(plan: Blueprint | null): Partial<Blueprint> {
  return Object.fromEntries(
    Object.entries(plan ?? {}).filter(([, value]) => value !== null && value !== undefined),
  )
}

/** The task that made a take; a retake's is the one it plays again. */
function madeBy(take: Source): Exclude<Task, { kind: 'retake' }> {
  const task = requestOf(take).task ?? { kind: 'compose' as const }
  return task.kind === 'retake' ? (task.again ?? { kind: 'compose' }) : task
}

function taskOf(tool: Tool, take: Source, before: Words): Task {
  const source = { sha256: take.sha256 }
  switch (tool.kind) {
    case 'repaint':
      return {
        kind: 'repaint',
        source,
        start_s: Math.max(0, tool.startS),
        end_s: Math.min(take.duration_s, tool.endS),
        strength: tool.strength,
      }
    case 'extend':
      return { kind: 'extend', source, before_s: tool.beforeS, after_s: tool.afterS }
    case 'retake':
      return {
        kind: 'retake',
        again: madeBy(take),
        seed: exactInteger(take.seed ?? '0'),
        variance: tool.variance,
      }
    case 'cover':
      return { kind: 'cover', source, strength: tool.strength }
    case 'edit':
      // The later the flows part, the more of the source is left.
      return {
        kind: 'edit',
        source,
        source_caption: before.caption,
        ...(before.lyrics ? { source_lyrics: before.lyrics } : {}),
        window: [Math.round(tool.strength * 80) / 100, 1],
      }
    case 'extract':
      return { kind: 'extract', source, track: tool.track }
    case 'lego':
      return {
        kind: 'lego',
        source,
        track: tool.track,
        ...(tool.part.trim() ? { part: tool.part.trim() } : {}),
      }
    case 'complete':
      return { kind: 'complete', source, tracks: tool.tracks }
  }
}

/** Whether a take can be retaken: its seed and its request must be known. */
export const canRetake = (take: Source): boolean => take.seed !== null && take.request !== null

/**
 * The submission of a tool. A retake and a repaint with the same words sing the same plan again; anything else changes
 * words, style or length, and a plan that says otherwise would contradict it.
 */
export function submission(
  tool: Tool,
  take: Source,
  song: Pick<Song, 'id' | 'caption' | 'lyrics'>,
  common: Common,
): SingIn {
  const before = wordsOf(take, song)
  const request: SongRequest = { ...carried(take, common), task: taskOf(tool, take, before) }
  const same = before.caption === common.words.caption.trim() && before.lyrics === sung(common.words.lyrics)
  const plan = planOf(take)
  const body: SingIn = { request, song_id: song.id, parent_take_id: take.id }
  if (plan && (tool.kind === 'retake' || (tool.kind === 'repaint' && same))) body.blueprint = plan
  if (tool.kind === 'retake' && madeBy(take).kind === 'compose' && !plan) {
    const length = requestOf(take).duration_s ?? take.duration_s
    body.request.duration_s = length
  }
  return body
}

/** The tools in the order in which they are offered. Each stands for the task of its name. */
export const TOOLS = ['repaint', 'extend', 'retake', 'cover', 'edit', 'extract', 'lego', 'complete'] as const
export type ToolKind = (typeof TOOLS)[number]

/** Those that a checkpoint can do. */
export const offered = (tasks: readonly TaskName[], take: Source): ToolKind[] =>
  TOOLS.filter((kind) => tasks.includes(kind) && (kind !== 'retake' || canRetake(take)))
