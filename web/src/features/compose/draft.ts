/**
 * The form's state, and the request it stands for. A blank (null, '') is "you choose" and is left out of the request.
 */
import type { Blueprint, Defaults, Example, SamplingOptions, SingIn, SongRequest } from '@/api/types'

export interface Reference {
  sha256: string
  name: string
  durationS: number
}

export interface Draft {
  mode: 'simple' | 'custom'
  title: string
  caption: string
  lyrics: string
  instrumental: boolean
  durationS: number | null
  language: string | null
  bpm: number | null
  key: string | null
  meter: number | null
  model: string | null
  reference: Reference | null
  adapters: { name: string; weight: number }[]
  takes: number
  seedLocked: boolean
  /** A decimal number below 2³², as text. */
  seed: string
  sampling: Pick<SamplingOptions, 'steps' | 'shift' | 'solver' | 'guidance' | 'guidance_method'>
  usePlanner: boolean
  enrichCaption: boolean
  temperature: number | null
  master: boolean
  /** The job that drafts a plan, and the plan as it stands after edits. */
  planJob: string | null
  plan: Blueprint | null
}

export const BLANK: Draft = {
  mode: 'simple',
  title: '',
  caption: '',
  lyrics: '',
  instrumental: false,
  durationS: null,
  language: null,
  bpm: null,
  key: null,
  meter: null,
  model: null,
  reference: null,
  adapters: [],
  takes: 2,
  seedLocked: false,
  seed: '',
  sampling: {},
  usePlanner: true,
  enrichCaption: true,
  temperature: null,
  master: true,
  planJob: null,
  plan: null,
}

const SEEDS = 2 ** 32

export const drawSeed = (): string => String(crypto.getRandomValues(new Uint32Array(1))[0])

/** One seed per take: the locked one and those that follow it. */
export function seedsOf(draft: Pick<Draft, 'seedLocked' | 'seed' | 'takes'>): number[] | null {
  if (!draft.seedLocked || !/^\d+$/.test(draft.seed)) return null
  const first = Number(draft.seed) % SEEDS
  return Array.from({ length: draft.takes }, (_, number) => (first + number) % SEEDS)
}

/** What is sent. Simple mode knows words, length and whether somebody sings; nothing else is sent from it. */
export function toRequest(draft: Draft, defaults: Defaults | undefined): SongRequest {
  const custom = draft.mode === 'custom'
  const lyrics = custom && !draft.instrumental ? draft.lyrics.trim() : ''
  const request: SongRequest = { caption: draft.caption.trim(), takes: draft.takes }
  if (draft.durationS !== null) request.duration_s = draft.durationS
  if (draft.instrumental) request.instrumental = true
  else if (lyrics) request.lyrics = lyrics
  // A song must have words; only a planner could write them. Without one it stays open whether anybody sings.
  else if (defaults?.planner && draft.usePlanner) request.instrumental = false
  if (!custom) return request

  if (draft.language && !draft.instrumental) request.language = draft.language
  if (draft.bpm !== null) request.bpm = draft.bpm
  if (draft.key) request.key = draft.key
  if (draft.meter !== null) request.meter = draft.meter as 2 | 3 | 4 | 6
  if (draft.model) request.model = draft.model
  if (draft.reference) request.reference = { sha256: draft.reference.sha256 }
  if (draft.adapters.length) request.adapters = draft.adapters
  const seeds = seedsOf(draft)
  if (seeds) request.seeds = seeds
  const sampling = Object.fromEntries(
    Object.entries(draft.sampling).filter(([, value]) => value !== null && value !== undefined),
  )
  if (Object.keys(sampling).length) request.sampling = sampling
  const planning: SongRequest['planning'] = {}
  if (!draft.usePlanner) planning.use_planner = false
  if (!draft.enrichCaption) planning.enrich_caption = false
  if (draft.temperature !== null) planning.temperature = draft.temperature
  if (Object.keys(planning).length) request.planning = planning
  if (!draft.master) request.finish = { master: false }
  return request
}

/** A submission: the request, the plan if there is one, and a title if one was given. */
export function toSubmission(draft: Draft, defaults: Defaults | undefined): SingIn {
  const body: SingIn = { request: toRequest(draft, defaults) }
  if (draft.title.trim()) body.title = draft.title.trim()
  if (draft.plan) body.blueprint = draft.plan
  return body
}

/** Whether there is anything to sing. */
export function isReady(draft: Draft): boolean {
  return draft.caption.trim() !== '' || (draft.mode === 'custom' && draft.lyrics.trim() !== '')
}

/** The form filled from an example; settings that are not about the song stay. */
export function withExample(example: Example): Partial<Draft> {
  return {
    title: '',
    caption: example.caption,
    lyrics: example.lyrics ?? '',
    instrumental: false,
    plan: null,
    planJob: null,
    ...(example.lyrics ? { mode: 'custom' as const } : {}),
  }
}

/** The form filled from a request that was sung before, as for "Remake with…". */
export function fromRequest(request: SongRequest): Draft {
  const { planning, sampling } = request
  return {
    ...BLANK,
    mode: 'custom',
    caption: request.caption ?? '',
    lyrics: request.lyrics ?? '',
    instrumental: request.instrumental ?? false,
    durationS: request.duration_s ?? null,
    language: request.language ?? null,
    bpm: request.bpm ?? null,
    key: request.key ?? null,
    meter: request.meter ?? null,
    model: request.model ?? null,
    reference: request.reference?.sha256
      ? { sha256: request.reference.sha256, name: '', durationS: request.reference.duration_s ?? 0 }
      : null,
    adapters: (request.adapters ?? []).map(({ name, weight }) => ({ name, weight: weight ?? 1 })),
    takes: request.takes ?? 1,
    seedLocked: Boolean(request.seeds),
    seed: request.seeds?.[0] === undefined ? '' : String(request.seeds[0]),
    sampling: {
      steps: sampling?.steps,
      shift: sampling?.shift,
      solver: sampling?.solver,
      guidance: sampling?.guidance,
      guidance_method: sampling?.guidance_method,
    },
    usePlanner: planning?.use_planner !== false,
    enrichCaption: planning?.enrich_caption !== false,
    temperature: planning?.temperature ?? null,
    master: request.finish?.master !== false,
  }
}

/** The caption with a word of style put in or taken out; words are compared whole, whatever their case. */
export function toggleStyle(caption: string, style: string): string {
  const parts = caption
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
  const without = parts.filter((part) => part.toLowerCase() !== style.toLowerCase())
  return (without.length < parts.length ? without : [...parts, style]).join(', ')
}

export const hasStyle = (caption: string, style: string): boolean =>
  caption.split(',').some((part) => part.trim().toLowerCase() === style.toLowerCase())
