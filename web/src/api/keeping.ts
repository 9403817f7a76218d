/** What library and settings change, as hooks; the counterpart of `mutations.ts`, which makes songs. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { client, setCsrf, told, type Shapes } from './client'
import { applyJob } from './events'
import { keys } from './keys'
import type { Playlist, Song } from './types'

const song = (id: string) => ({ params: { path: { song_id: id } } })
const list = (id: string) => ({ params: { path: { playlist_id: id } } })

export function usePlaylistActions() {
  const cache = useQueryClient()
  const refresh = () => {
    void cache.invalidateQueries({ queryKey: keys.allSongs })
    return cache.invalidateQueries({ queryKey: keys.playlists })
  }
  const add = useMutation({
    mutationFn: async ({ name, songIds = [] }: { name: string; songIds?: string[] }): Promise<Playlist> => {
      const made = await told(client.POST('/api/playlists', { body: { name } }))
      if (!songIds.length) return made
      return told(
        client.PATCH('/api/playlists/{playlist_id}', { ...list(made.id), body: { song_ids: songIds } }),
      )
    },
    onSuccess: refresh,
  })
  const change = useMutation({
    mutationFn: ({ id, patch }: { id: string; patch: Shapes['PlaylistPatch'] }) =>
      told(client.PATCH('/api/playlists/{playlist_id}', { ...list(id), body: patch })),
    // The new order shows at once; a refusal brings the old one back.
    onMutate: ({ id, patch }) => {
      cache.setQueryData<Playlist[]>(keys.playlists, (all) =>
        all?.map((one) =>
          one.id === id
            ? { ...one, name: patch.name ?? one.name, song_ids: patch.song_ids ?? one.song_ids }
            : one,
        ),
      )
    },
    onSettled: refresh,
  })
  const remove = useMutation({
    mutationFn: (id: string) => told(client.DELETE('/api/playlists/{playlist_id}', list(id))),
    onSuccess: refresh,
  })
  return { add, change, remove }
}

export function useTrashActions() {
  const cache = useQueryClient()
  const refresh = () => cache.invalidateQueries({ queryKey: keys.allSongs })
  const forever = useMutation({
    mutationFn: (id: string) =>
      told(
        client.DELETE('/api/songs/{song_id}', {
          params: { path: { song_id: id }, query: { forever: true } },
        }),
      ),
    onSuccess: refresh,
  })
  const empty = useMutation({ mutationFn: () => told(client.DELETE('/api/trash')), onSuccess: refresh })
  return { forever, empty }
}

export function useImport() {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: (body: Shapes['ImportIn']): Promise<Song> => told(client.POST('/api/songs/import', { body })),
    onSuccess: (made) => {
      cache.setQueryData(keys.song(made.id), made)
      void cache.invalidateQueries({ queryKey: keys.allSongs })
      void cache.invalidateQueries({ queryKey: keys.uploads })
    },
  })
}

/** A stretch of a take as a take of its own. */
export function useSelection(songId: string) {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: ({ takeId, body }: { takeId: string; body: Shapes['SelectionIn'] }) =>
      told(client.POST('/api/takes/{take_id}/selection', { params: { path: { take_id: takeId } }, body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.song(songId) }),
  })
}

/** The song as it is now, past any cache: who changes a list of things must know the latest. */
export const freshSong = (id: string): Promise<Song> => told(client.GET('/api/songs/{song_id}', song(id)))

export function useModelActions() {
  const cache = useQueryClient()
  const path = (name: string) => ({ params: { path: { name } } })
  const refresh = () => {
    void cache.invalidateQueries({ queryKey: keys.allDefaults })
    void cache.invalidateQueries({ queryKey: keys.machine })
    return cache.invalidateQueries({ queryKey: keys.models })
  }
  const pull = useMutation({
    mutationFn: async (name: string) => {
      const job = await told(client.POST('/api/models/{name}/pull', path(name)))
      applyJob(cache, job)
      return job
    },
    onSuccess: refresh,
  })
  const remove = useMutation({
    mutationFn: (name: string) => told(client.DELETE('/api/models/{name}', path(name))),
    onSuccess: refresh,
  })
  return { pull, remove }
}

// --- People -----------------------------------------------------------------------------------------------------------

const people = { users: ['users'] as const, invitation: ['invitation'] as const, tokens: ['tokens'] as const }

export function useEnter() {
  const cache = useQueryClient()
  const entered = (me: Shapes['MeOut']) => {
    setCsrf(me.csrf)
    // What somebody else was shown goes; the answer to "who is there" stays, since the gate is looking at it.
    cache.removeQueries({ predicate: (query) => query.queryKey[0] !== keys.me[0] })
    cache.setQueryData(keys.me, me)
  }
  const quiet = { meta: { quiet: true } }
  const login = useMutation({
    ...quiet,
    mutationFn: (body: Shapes['LoginIn']) => told(client.POST('/api/login', { body })),
    onSuccess: entered,
  })
  const setup = useMutation({
    ...quiet,
    mutationFn: (body: Shapes['SetupIn']) => told(client.POST('/api/setup', { body })),
    onSuccess: entered,
  })
  const logout = useMutation({
    mutationFn: () => told(client.POST('/api/logout')),
    onSuccess: () => {
      setCsrf(null)
      cache.clear()
      location.assign('/')
    },
  })
  return { login, setup, logout }
}

export function usePassword() {
  return useMutation({
    meta: { quiet: true },
    mutationFn: (body: Shapes['PasswordIn']) => told(client.POST('/api/me/password', { body })),
  })
}

export function useMySettings() {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: (settings: Record<string, unknown>) =>
      told(client.PUT('/api/me/settings', { body: settings })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.me }),
  })
}

export function useUsers(enabled: boolean) {
  return useQuery({
    queryKey: people.users,
    enabled,
    queryFn: ({ signal }) => told(client.GET('/api/users', { signal })),
  })
}

/** Where others find this studio, and a picture of it for a camera. */
export function useInvitation(enabled: boolean) {
  return useQuery({
    queryKey: people.invitation,
    enabled,
    meta: { quiet: true },
    queryFn: ({ signal }) => told(client.GET('/api/users/invitation', { signal })),
  })
}

export function useUserActions() {
  const cache = useQueryClient()
  const refresh = () => cache.invalidateQueries({ queryKey: people.users })
  const add = useMutation({
    meta: { quiet: true },
    mutationFn: (body: Shapes['UserIn']) => told(client.POST('/api/users', { body })),
    onSuccess: refresh,
  })
  const remove = useMutation({
    mutationFn: (id: string) =>
      told(client.DELETE('/api/users/{user_id}', { params: { path: { user_id: id } } })),
    onSuccess: refresh,
  })
  return { add, remove }
}

export function useTokens(enabled: boolean) {
  return useQuery({
    queryKey: people.tokens,
    enabled,
    queryFn: ({ signal }) => told(client.GET('/api/tokens', { signal })),
  })
}

export function useTokenActions() {
  const cache = useQueryClient()
  const refresh = () => cache.invalidateQueries({ queryKey: people.tokens })
  const add = useMutation({
    mutationFn: (body: Shapes['TokenIn']) => told(client.POST('/api/tokens', { body })),
    onSuccess: refresh,
  })
  const remove = useMutation({
    mutationFn: (id: string) =>
      told(client.DELETE('/api/tokens/{token_id}', { params: { path: { token_id: id } } })),
    onSuccess: refresh,
  })
  return { add, remove }
}
