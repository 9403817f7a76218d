/** Jobs seen active since the page was opened: their cards stay when they end, until hidden. */
import { hashKey, useQueries, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { create } from 'zustand'
import { isActive } from '@/api/events'
import { client, told } from '@/api/client'
import { keys } from '@/api/keys'
import { useJobs } from '@/api/queries'
import type { Job } from '@/api/types'

const useSeen = create<{ ids: string[] }>(() => ({ ids: [] }))
const SHOWN = 8

function see(jobs: readonly Job[]): void {
  const known = new Set(useSeen.getState().ids)
  const fresh = jobs.filter((job) => isActive(job) && job.mine && job.kind === 'sing' && !known.has(job.id))
  if (fresh.length)
    useSeen.setState({
      ids: [...fresh.map((job) => job.id).reverse(), ...useSeen.getState().ids].slice(0, SHOWN),
    })
}

export function hide(id: string): void {
  useSeen.setState(({ ids }) => ({ ids: ids.filter((other) => other !== id) }))
}

/** Newest first. Plans are shown where they were asked for. */
export function useRecentJobs(): Job[] {
  const active = useJobs('active')
  const ids = useSeen((state) => state.ids)
  useEffect(() => {
    see(active.data ?? [])
  }, [active.data])
  // A job that fails at once may be gone from the list before it is drawn: its news are listened to as well.
  const cache = useQueryClient()
  useEffect(
    () =>
      cache.getQueryCache().subscribe((event) => {
        if (event.type !== 'updated' || event.action.type !== 'success') return
        const job = event.action.data as Job | undefined
        if (job?.id && hashKey(keys.job(job.id)) === event.query.queryHash) see([job])
      }),
    [cache],
  )
  const answers = useQueries({
    queries: ids.map((id) => ({
      queryKey: keys.job(id),
      queryFn: ({ signal }: { signal: AbortSignal }): Promise<Job> =>
        told(client.GET('/api/jobs/{job_id}', { params: { path: { job_id: id } }, signal })),
    })),
  })
  return answers
    .flatMap((answer) => (answer.data ? [answer.data] : []))
    .filter((job) => job.state !== 'cancelled')
    .sort((a, b) => Number(isActive(b)) - Number(isActive(a)))
}
