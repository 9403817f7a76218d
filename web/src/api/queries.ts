/**
 * What the page reads, as hooks. The event stream (`events.ts`) keeps the answers fresh, so nothing here polls.
 */
import { keepPreviousData, queryOptions, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { client, setCsrf, told } from './client'
import { keys, type JobsState, type SongsQuery } from './keys'
import type { Defaults, Job, Song, SongPage } from './types'

export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: async ({ signal }) => {
    const me = await told(client.GET('/api/me', { signal }))
    setCsrf(me.csrf)
    return me
  },
  staleTime: 5 * 60_000,
})

export const useMe = () => useQuery(meQuery)

export function useJobs(state: JobsState) {
  return useQuery({
    queryKey: keys.jobs(state),
    queryFn: ({ signal }): Promise<Job[]> =>
      told(client.GET('/api/jobs', { params: { query: { state, limit: 200 } }, signal })),
  })
}

export function useJob(id: string | null) {
  return useQuery({
    queryKey: keys.job(id ?? ''),
    enabled: id !== null,
    queryFn: ({ signal }): Promise<Job> =>
      told(client.GET('/api/jobs/{job_id}', { params: { path: { job_id: id ?? '' } }, signal })),
  })
}

export function useJobLog(id: string, enabled: boolean) {
  return useQuery({
    queryKey: keys.jobLog(id),
    enabled,
    queryFn: ({ signal }) =>
      told(client.GET('/api/jobs/{job_id}/log', { params: { path: { job_id: id } }, signal })),
  })
}

export const PAGE = 60

export function useSongs(query: SongsQuery = {}) {
  return useInfiniteQuery({
    queryKey: keys.songs(query),
    placeholderData: keepPreviousData,
    initialPageParam: 0,
    queryFn: ({ signal, pageParam }): Promise<SongPage> =>
      told(
        client.GET('/api/songs', { params: { query: { limit: PAGE, ...query, offset: pageParam } }, signal }),
      ),
    getNextPageParam: (last, pages) => {
      const seen = pages.reduce((sum, page) => sum + page.items.length, 0)
      return seen < last.total && last.items.length > 0 ? seen : undefined
    },
  })
}

export const songQuery = (id: string) =>
  queryOptions({
    queryKey: keys.song(id),
    queryFn: ({ signal }): Promise<Song> =>
      told(client.GET('/api/songs/{song_id}', { params: { path: { song_id: id } }, signal })),
  })

export const useSong = (id: string) => useQuery(songQuery(id))

export const peaksQuery = (takeId: string) =>
  queryOptions({
    queryKey: keys.peaks(takeId),
    staleTime: Infinity,
    queryFn: ({ signal }) =>
      told(client.GET('/api/takes/{take_id}/peaks', { params: { path: { take_id: takeId } }, signal })),
  })

export const usePeaks = (takeId: string) => useQuery(peaksQuery(takeId))

export function usePlaylists() {
  return useQuery({
    queryKey: keys.playlists,
    queryFn: ({ signal }) => told(client.GET('/api/playlists', { signal })),
  })
}

export function useTags() {
  return useQuery({ queryKey: keys.tags, queryFn: ({ signal }) => told(client.GET('/api/tags', { signal })) })
}

export function useModels() {
  return useQuery({
    queryKey: keys.models,
    queryFn: ({ signal }) => told(client.GET('/api/models', { signal })),
  })
}

export function useMachine() {
  return useQuery({
    queryKey: keys.machine,
    queryFn: ({ signal }) => told(client.GET('/api/machine', { signal })),
  })
}

/** What 'auto' means with a model; null: with the best one here. */
export function useDefaults(model: string | null) {
  return useQuery({
    queryKey: keys.defaults(model),
    placeholderData: keepPreviousData,
    staleTime: 5 * 60_000,
    queryFn: ({ signal }) =>
      // The client's types lose the length of pairs.
      told(
        client.GET('/api/defaults', { params: { query: model ? { model } : {} }, signal }),
      ) as Promise<Defaults>,
  })
}

export function useExamples() {
  return useQuery({
    queryKey: keys.examples,
    staleTime: Infinity,
    queryFn: ({ signal }) => told(client.GET('/api/examples', { signal })),
  })
}
