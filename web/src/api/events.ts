/**
 * The studio's event stream, turned into changes of the query cache; because of it no query polls.
 *
 * The browser resumes a broken stream by itself and names the last event it saw. A stream that begins anew says `hello`;
 * after a gap of unknown length everything is asked for once more.
 */
import { useQueryClient, type Query, type QueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { create } from 'zustand'
import { keys } from './keys'
import type { Job } from './types'

export const KINDS = ['hello', 'job', 'song', 'take', 'playlist', 'upload', 'model', 'machine'] as const
export type Kind = (typeof KINDS)[number]

const ACTIVE: readonly Job['state'][] = ['queued', 'running']

export const isActive = (job: Job): boolean => ACTIVE.includes(job.state)

/** Running first, then in the order in which they will be done. */
function inOrder(a: Job, b: Job): number {
  if (a.state !== b.state) return a.state === 'running' ? -1 : b.state === 'running' ? 1 : 0
  return (
    (a.position ?? 0) - (b.position ?? 0) ||
    b.priority - a.priority ||
    a.created_at.localeCompare(b.created_at)
  )
}

/** The list of active jobs after news of one of them. */
export function withJob(jobs: readonly Job[], job: Job): Job[] {
  const others = jobs.filter((other) => other.id !== job.id)
  return isActive(job) ? [...others, job].sort(inOrder) : others
}

const STATE_RANK: Record<Job['state'], number> = { queued: 0, running: 1, done: 2, failed: 2, cancelled: 2 }

/** Whether `news` tells less than what is known: events and answers may cross on the way. */
export function isStale(known: Job | undefined, news: Job): boolean {
  if (!known || known.attempts < news.attempts) return false
  if (known.attempts > news.attempts) return true
  const finished = (job: Job) => STATE_RANK[job.state] === 2
  return finished(known) && !finished(news) && known.finished_at !== null && news.started_at !== null
}

/**
 * Ask again. An answer on its way to what is known already is given up by that; a first answer is not, though it may be
 * older than what was just told, and would stay.
 */
function renew(cache: QueryClient, queryKey: readonly unknown[]): void {
  void cache.invalidateQueries({ queryKey })
  const first = { queryKey, fetchStatus: 'fetching', predicate: isUnknown } as const
  if (cache.isFetching(first))
    void cache.cancelQueries(first).then(() => cache.invalidateQueries({ queryKey }))
}

const isUnknown = (query: Query): boolean => query.state.data === undefined

export function applyJob(cache: QueryClient, job: Job): void {
  const known = cache.getQueryData<Job>(keys.job(job.id))
  if (isStale(known, job)) return
  cache.setQueryData(keys.job(job.id), job)
  cache.setQueryData<Job[]>(keys.jobs('active'), (jobs) => jobs && withJob(jobs, job))
  // Who is in the list, and the positions of those that wait, have changed.
  if (known?.state !== job.state) renew(cache, keys.jobs('active'))
  if (isActive(job)) return
  for (const state of ['done', 'failed', 'all'] as const) renew(cache, keys.jobs(state))
  if (job.song_id) void cache.invalidateQueries({ queryKey: keys.song(job.song_id) })
  if (job.kind === 'pull') {
    void cache.invalidateQueries({ queryKey: keys.models })
    void cache.invalidateQueries({ queryKey: keys.allDefaults })
  }
}

/** What an event changes. */
export function applyEvent(cache: QueryClient, kind: Kind, payload: Record<string, unknown>): void {
  const text = (name: string) => (typeof payload[name] === 'string' ? (payload[name] as string) : null)
  const stale = (queryKey: readonly unknown[]) => {
    renew(cache, queryKey)
  }
  switch (kind) {
    case 'job':
      applyJob(cache, payload as unknown as Job)
      break
    case 'song': {
      const id = text('id')
      stale(keys.allSongs)
      stale(keys.tags)
      if (id) stale(keys.song(id))
      break
    }
    case 'take': {
      const songId = text('song_id')
      stale(keys.allSongs)
      if (songId) stale(keys.song(songId))
      break
    }
    case 'playlist':
      stale(keys.playlists)
      break
    case 'upload':
      stale(keys.uploads)
      break
    case 'model':
      stale(keys.models)
      stale(keys.allDefaults)
      break
    case 'machine':
      stale(keys.machine)
      break
    case 'hello':
      break
  }
}

/** Whether the studio is heard from. */
export const useConnection = create<{ online: boolean }>(() => ({ online: true }))

/** Keeps the cache fresh for as long as the caller is on screen. */
export function useEvents(enabled: boolean): void {
  const cache = useQueryClient()
  useEffect(() => {
    if (!enabled) return
    let stopped = false
    let source: EventSource | undefined
    let retry: ReturnType<typeof setTimeout> | undefined
    let greeted = false
    let last: string | null = null

    const hear = (kind: Kind) => (event: MessageEvent<string>) => {
      if (event.lastEventId) last = event.lastEventId
      if (kind === 'hello') {
        // A fresh stream after an earlier one: what happened in between is unknown. The very first one may have begun
        // after the lists were read.
        if (greeted) void cache.invalidateQueries()
        else for (const key of [keys.jobs('active'), keys.allSongs]) renew(cache, key)
        greeted = true
        return
      }
      applyEvent(cache, kind, JSON.parse(event.data) as Record<string, unknown>)
    }

    const open = () => {
      source = new EventSource(last ? `/api/events?after=${encodeURIComponent(last)}` : '/api/events')
      source.onopen = () => {
        useConnection.setState({ online: true })
      }
      source.onerror = () => {
        useConnection.setState({ online: false })
        // The browser gives up after a refused answer; a server that restarts gives one for a moment.
        if (source?.readyState === EventSource.CLOSED && !stopped) retry = setTimeout(open, 2000)
      }
      for (const kind of KINDS) source.addEventListener(kind, hear(kind))
    }

    open()
    return () => {
      stopped = true
      clearTimeout(retry)
      source?.close()
    }
  }, [cache, enabled])
}
