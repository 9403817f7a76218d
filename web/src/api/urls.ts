/** Addresses of what a browser loads by itself: sound, pictures, archives. */
import type { SongCard } from './types'

export type Format = 'flac' | 'wav' | 'mp3' | 'opus' | 'm4a'

export interface ExportOptions {
  format?: Format
  startS?: number
  endS?: number
  /** Leave trim, fades and gain aside. */
  plain?: boolean
  download?: boolean
}

export function takeAudio(takeId: string, options: ExportOptions = {}): string {
  const query = new URLSearchParams()
  if (options.format) query.set('format', options.format)
  if (options.startS !== undefined) query.set('start_s', String(options.startS))
  if (options.endS !== undefined) query.set('end_s', String(options.endS))
  if (options.plain) query.set('plain', 'true')
  if (options.download) query.set('download', 'true')
  const tail = query.toString()
  return `/api/takes/${takeId}/audio${tail ? `?${tail}` : ''}`
}

export const uploadAudio = (uploadId: string): string => `/api/uploads/${uploadId}/audio`
export const takeLyrics = (takeId: string): string => `/api/takes/${takeId}/lyrics.lrc`
export const songZip = (songId: string): string => `/api/songs/${songId}/zip`

/** The picture of a song, or null while it has none. */
export function artwork(song: Pick<SongCard, 'id' | 'artwork'>): string | null {
  return song.artwork ? `/api/songs/${song.id}/artwork?v=${song.artwork.slice(0, 12)}` : null
}
