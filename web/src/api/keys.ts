/** Names of everything the query cache holds; the event stream and the hooks agree through these. */
import type { paths } from './schema'

export type SongsQuery = NonNullable<paths['/api/songs']['get']['parameters']['query']>
export type JobsState = 'active' | 'done' | 'failed' | 'all'

export const keys = {
  me: ['me'] as const,
  jobs: (state: JobsState) => ['jobs', state] as const,
  job: (id: string) => ['job', id] as const,
  jobLog: (id: string) => ['job', id, 'log'] as const,
  songs: (query: SongsQuery = {}) => ['songs', query] as const,
  allSongs: ['songs'] as const,
  song: (id: string) => ['song', id] as const,
  peaks: (takeId: string) => ['peaks', takeId] as const,
  playlists: ['playlists'] as const,
  playlist: (id: string) => ['playlists', id] as const,
  tags: ['tags'] as const,
  uploads: ['uploads'] as const,
  models: ['models'] as const,
  machine: ['machine'] as const,
  defaults: (model: string | null) => ['defaults', model] as const,
  allDefaults: ['defaults'] as const,
  examples: ['examples'] as const,
}
