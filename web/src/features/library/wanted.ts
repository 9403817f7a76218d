/** Which songs are wanted, in which order. It lives in the address, so that going back finds it again. */
import type { SongsQuery } from '@/api/keys'

export type Sort = NonNullable<SongsQuery['sort']>
export type Order = 'asc' | 'desc'
export type Kind = NonNullable<SongsQuery['kind']>

export interface Wanted {
  q: string
  tags: string[]
  favourite: boolean
  key: string | null
  language: string | null
  bpmFrom: number | null
  bpmTo: number | null
  kind: Kind | null
  shared: boolean | null
  /** null: newest first, or best match first while words are sought. */
  sort: Sort | null
  order: Order | null
  trash: boolean
}

export const ANYTHING: Wanted = {
  q: '',
  tags: [],
  favourite: false,
  key: null,
  language: null,
  bpmFrom: null,
  bpmTo: null,
  kind: null,
  shared: null,
  sort: null,
  order: null,
  trash: false,
}

export const SORTS = ['created', 'updated', 'played', 'title', 'rating', 'duration', 'bpm'] as const
export const KINDS = [
  'compose',
  'repaint',
  'extend',
  'cover',
  'edit',
  'retake',
  'extract',
  'lego',
  'complete',
  'import',
] as const

const number = (text: string | null): number | null => {
  const value = Number(text)
  return text && Number.isFinite(value) ? Math.min(1000, Math.max(0, Math.round(value))) : null
}

const oneOf = <T extends string>(all: readonly T[], text: string | null): T | null =>
  all.find((one) => one === text) ?? null

export function fromParams(params: URLSearchParams): Wanted {
  const shared = params.get('shared')
  return {
    q: params.get('q') ?? '',
    tags: params.getAll('tag'),
    favourite: params.get('favourite') === 'true',
    key: params.get('key'),
    language: params.get('language'),
    bpmFrom: number(params.get('bpm_from')),
    bpmTo: number(params.get('bpm_to')),
    kind: oneOf(KINDS, params.get('kind')),
    shared: shared === 'true' ? true : shared === 'false' ? false : null,
    sort: oneOf(SORTS, params.get('sort')),
    order: oneOf(['asc', 'desc'] as const, params.get('order')),
    trash: params.get('trash') === 'true',
  }
}

/** As the server asks for it; what is not wanted is left out. */
export function toQuery(wanted: Wanted): SongsQuery {
  const query: SongsQuery = {}
  const q = wanted.q.trim()
  if (q) query.q = q
  if (wanted.tags.length) query.tag = wanted.tags
  if (wanted.favourite) query.favourite = true
  if (wanted.key) query.key = wanted.key
  if (wanted.language) query.language = wanted.language
  if (wanted.bpmFrom !== null) query.bpm_from = wanted.bpmFrom
  if (wanted.bpmTo !== null) query.bpm_to = wanted.bpmTo
  if (wanted.kind) query.kind = wanted.kind
  if (wanted.shared !== null) query.shared = wanted.shared
  if (wanted.sort) query.sort = wanted.sort
  if (wanted.order) query.order = wanted.order
  if (wanted.trash) query.trash = true
  return query
}

export function toParams(wanted: Wanted): URLSearchParams {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries({ ...toQuery(wanted), q: wanted.q || undefined })) {
    if (value === undefined || value === null) continue
    for (const one of Array.isArray(value) ? value : [value]) params.append(name, String(one))
  }
  return params
}

/** How many filters narrow the list; words that are sought and order are none. */
export function filterCount(wanted: Wanted): number {
  const { tags, favourite, key, language, bpmFrom, bpmTo, kind, shared } = wanted
  const tempo = bpmFrom !== null || bpmTo !== null
  return (
    tags.length +
    [favourite, key !== null, language !== null, tempo, kind !== null, shared !== null].filter(Boolean).length
  )
}

export const unfiltered = (wanted: Wanted): Wanted => ({
  ...ANYTHING,
  q: wanted.q,
  sort: wanted.sort,
  order: wanted.order,
  trash: wanted.trash,
})
