/**
 * What the page changes, as hooks. Answers go straight into the cache; whatever else changes arrives by event.
 */
import { useMutation, useQueryClient, type QueryClient } from '@tanstack/react-query'
import { drawName } from '@/lib/random'
import { client, csrfHeaders, problemText, Refused, told } from './client'
import { applyJob } from './events'
import { keys } from './keys'
import type { Job, SingIn, Song, SongPatch, SongRequest, TakePatch, Upload } from './types'

function remember(cache: QueryClient, job: Job): Job {
  applyJob(cache, job)
  return job
}

function rememberSong(cache: QueryClient, song: Song): Song {
  cache.setQueryData(keys.song(song.id), song)
  void cache.invalidateQueries({ queryKey: keys.allSongs })
  return song
}

/** Submit a song. The key makes sending twice (a double click, a lost answer) one job. */
export function useSing() {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: async ({ body, idempotencyKey }: { body: SingIn; idempotencyKey?: string }) =>
      remember(
        cache,
        await told(
          client.POST('/api/jobs', {
            body,
            headers: { 'Idempotency-Key': idempotencyKey ?? drawName() },
          }),
        ),
      ),
  })
}

export function usePlan() {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: async (request: SongRequest) =>
      remember(cache, await told(client.POST('/api/plans', { body: { request } }))),
  })
}

export function useUnderstand() {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: async (sha256: string) =>
      remember(cache, await told(client.POST('/api/understandings', { body: { sha256 } }))),
  })
}

export function useJobActions() {
  const cache = useQueryClient()
  const path = (id: string) => ({ params: { path: { job_id: id } } })
  const cancel = useMutation({
    mutationFn: async (id: string) =>
      remember(cache, await told(client.POST('/api/jobs/{job_id}/cancel', path(id)))),
  })
  const retry = useMutation({
    mutationFn: async (id: string) =>
      remember(cache, await told(client.POST('/api/jobs/{job_id}/retry', path(id)))),
  })
  const prioritise = useMutation({
    mutationFn: async ({ id, priority }: { id: string; priority: number }) =>
      remember(cache, await told(client.PATCH('/api/jobs/{job_id}', { ...path(id), body: { priority } }))),
  })
  return { cancel, retry, prioritise }
}

export function useSongActions() {
  const cache = useQueryClient()
  const path = (id: string) => ({ params: { path: { song_id: id } } })
  const change = useMutation({
    mutationFn: async ({ id, patch }: { id: string; patch: SongPatch }) =>
      rememberSong(cache, await told(client.PATCH('/api/songs/{song_id}', { ...path(id), body: patch }))),
  })
  const keep = useMutation({
    mutationFn: async ({ id, takeIds }: { id: string; takeIds: string[] }) =>
      rememberSong(
        cache,
        await told(client.POST('/api/songs/{song_id}/keep', { ...path(id), body: { take_ids: takeIds } })),
      ),
  })
  const trash = useMutation({
    mutationFn: async (id: string) => {
      await told(client.DELETE('/api/songs/{song_id}', path(id)))
      void cache.invalidateQueries({ queryKey: keys.allSongs })
    },
  })
  const restore = useMutation({
    mutationFn: async (id: string) =>
      rememberSong(cache, await told(client.POST('/api/songs/{song_id}/restore', path(id)))),
  })
  const duplicate = useMutation({
    mutationFn: async (id: string) =>
      rememberSong(cache, await told(client.POST('/api/songs/{song_id}/duplicate', path(id)))),
  })
  const played = useMutation({
    mutationFn: (id: string) => told(client.POST('/api/songs/{song_id}/played', path(id))),
  })
  return { change, keep, trash, restore, duplicate, played }
}

export function useTakeActions(songId: string) {
  const cache = useQueryClient()
  const path = (id: string) => ({ params: { path: { take_id: id } } })
  const refresh = () => cache.invalidateQueries({ queryKey: keys.song(songId) })
  const change = useMutation({
    mutationFn: ({ id, patch }: { id: string; patch: TakePatch }) =>
      told(client.PATCH('/api/takes/{take_id}', { ...path(id), body: patch })),
    onSuccess: refresh,
  })
  const discard = useMutation({
    mutationFn: (id: string) => told(client.DELETE('/api/takes/{take_id}', path(id))),
    onSuccess: refresh,
  })
  const restore = useMutation({
    mutationFn: (id: string) => told(client.POST('/api/takes/{take_id}/restore', path(id))),
    onSuccess: refresh,
  })
  return { change, discard, restore }
}

/** Send a file, telling how far it is; fetch cannot say that of a request yet. */
export function upload(file: File, progress: (share: number) => void, signal?: AbortSignal): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const form = new FormData()
    form.append('file', file)
    request.open('POST', '/api/uploads')
    request.responseType = 'json'
    for (const [name, value] of Object.entries(csrfHeaders())) request.setRequestHeader(name, value)
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total)
    }
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response as Upload)
      else reject(new Refused(request.status, problemText(request.response, request.status)))
    }
    request.onerror = () => {
      reject(new Refused(0, 'The studio does not answer.', 'offline'))
    }
    signal?.addEventListener('abort', () => {
      request.abort()
      reject(new DOMException('Upload stopped', 'AbortError'))
    })
    request.send(form)
  })
}
