/** How long a song will take, from how long the last ones took here. */
import type { Job, SongCard } from '@/api/types'

/** Seconds of work per second of music, the median of finished songs; null while nothing is known. */
export function paceOf(
  jobs: readonly Job[],
  songs: readonly SongCard[],
  model: string | null,
): number | null {
  const byId = new Map(songs.map((song) => [song.id, song]))
  const paces = jobs.flatMap((job) => {
    const song = job.song_id ? byId.get(job.song_id) : undefined
    if (job.kind !== 'sing' || job.state !== 'done' || !job.started_at || !job.finished_at) return []
    if (!song?.duration_s || (model !== null && song.model !== null && song.model !== model)) return []
    const worked = (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000
    return [worked / (song.duration_s * Math.max(1, job.takes))]
  })
  paces.sort((a, b) => a - b)
  return paces[Math.floor(paces.length / 2)] ?? null
}
