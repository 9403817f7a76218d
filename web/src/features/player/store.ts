/**
 * The one player: what sounds, where it is, what comes next.
 *
 * It owns the audio elements, so that a sound outlives the page that started it. Two elements are kept ready: the next
 * of the queue is loaded while one plays, and two takes compared at the same instant switch without a gap. Elements can
 * only be made quieter, so takes are matched by turning louder ones down. A take with fades or gain of its own goes through
 * Web Audio, which can; only such a take, since a telephone silences Web Audio when its screen goes dark.
 *
 * Positions are those of the whole take, whatever of it is played.
 */
import { create } from 'zustand'
import type { SongCard, Take, TakeEdit } from '@/api/types'
import { artwork, takeAudio } from '@/api/urls'
import { gainAt, isEven, spanOf } from '@/lib/envelope'
import { movingHead, type Playhead } from '@/lib/playhead'

export interface Track {
  takeId: string
  songId: string
  title: string
  subtitle?: string
  durationS: number
  lufs: number | null
  /** Address of the picture, from `artwork(song)`. */
  artwork?: string | null
  /** How it is played: trim, fades, gain. */
  edit?: TakeEdit | null | undefined
}

export interface Loop {
  startS: number
  endS: number
}

export type Repeat = 'off' | 'all' | 'one'

export interface PlayerState {
  track: Track | null
  queue: Track[]
  index: number
  playing: boolean
  waiting: boolean
  error: string | null
  /** Of the whole take. */
  durationS: number
  rate: number
  volume: number
  muted: boolean
  loop: Loop | null
  repeat: Repeat
  shuffle: boolean
  /** Turn louder tracks down to this loudness; null: play each as it is. */
  matchLufs: number | null

  /** Start a track at zero. With a queue, it is the place in it that counts. */
  play: (track: Track, queue?: Track[]) => void
  /** The same instant of another take, sounding on if this one sounds. */
  switchTo: (track: Track) => void
  resume: () => void
  pause: () => void
  toggle: () => void
  seek: (positionS: number) => void
  seekBy: (seconds: number) => void
  next: () => void
  previous: () => void
  playNext: (track: Track) => void
  enqueue: (track: Track) => void
  reorder: (queue: Track[]) => void
  removeFromQueue: (index: number) => void
  setRate: (rate: number) => void
  setVolume: (volume: number) => void
  setMuted: (muted: boolean) => void
  setLoop: (loop: Loop | null) => void
  setRepeat: (repeat: Repeat) => void
  setShuffle: (shuffle: boolean) => void
  setMatch: (lufs: number | null) => void
  /** Load tracks ahead, so that switching to one of them is immediate. */
  prepare: (tracks: Track[]) => void
  /** A take is to be played otherwise from now on. */
  reshape: (takeId: string, edit: TakeEdit) => void
  clear: () => void
}

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2] as const
const KEPT = 9
const TICK_MS = 100

const elements = new Map<string, HTMLAudioElement>()
const gains = new WeakMap<HTMLAudioElement, GainNode>()
const head = movingHead()
let context: AudioContext | undefined
let ticking: ReturnType<typeof setInterval> | undefined
let ending: ReturnType<typeof setTimeout> | undefined

/** Where the player is; moves about ten times a second while it plays. */
export const playhead: Playhead = head

/** The stretch that is played of what is loaded. */
export const playedSpan = ({ track, durationS }: Pick<PlayerState, 'track' | 'durationS'>): Loop =>
  spanOf(track?.edit, durationS)

/** The share of full volume at which a track is as loud as the quietest of those compared. */
export function matchedGain(lufs: number | null, target: number | null): number {
  if (lufs === null || target === null) return 1
  return Math.min(1, 10 ** ((target - lufs) / 20))
}

function elementOf(track: Track): HTMLAudioElement {
  const known = elements.get(track.takeId)
  if (known) {
    elements.delete(track.takeId)
    elements.set(track.takeId, known)
    return known
  }
  const element = new Audio()
  element.preload = 'auto'
  element.preservesPitch = true
  element.src = takeAudio(track.takeId)
  const current = () => usePlayer.getState().track?.takeId === track.takeId
  const tell = (change: () => Partial<PlayerState>) => () => {
    if (current()) usePlayer.setState(change())
  }
  element.addEventListener(
    'playing',
    tell(() => ({ playing: true, waiting: false, error: null })),
  )
  element.addEventListener(
    'pause',
    tell(() => ({ playing: false })),
  )
  element.addEventListener(
    'waiting',
    tell(() => ({ waiting: true })),
  )
  element.addEventListener('seeked', () => {
    if (current()) head.set(element.currentTime)
  })
  element.addEventListener(
    'durationchange',
    tell(() => (Number.isFinite(element.duration) ? { durationS: element.duration } : {})),
  )
  element.addEventListener(
    'error',
    tell(() => ({ playing: false, waiting: false, error: element.error?.message ?? 'unplayable' })),
  )
  element.addEventListener('ended', () => {
    if (current()) ended()
  })
  elements.set(track.takeId, element)
  for (const [id, old] of elements) {
    if (elements.size <= KEPT) break
    if (id === usePlayer.getState().track?.takeId || id === track.takeId) continue
    old.pause()
    old.removeAttribute('src')
    old.load()
    elements.delete(id)
  }
  return element
}

function ended(): void {
  const player = usePlayer.getState()
  const { repeat, seek, resume, next, queue, index, loop } = player
  const { startS, endS } = playedSpan(player)
  if (loop || repeat === 'one') {
    seek(loop?.startS ?? startS)
    resume()
  } else if (index + 1 < queue.length || repeat === 'all' || player.shuffle) next()
  else {
    player.pause()
    usePlayer.setState({ playing: false })
    head.set(endS)
  }
}

function tick(): void {
  const player = usePlayer.getState()
  const { track, loop, playing, durationS } = player
  if (!track || !playing) return
  const element = elementOf(track)
  const { startS, endS } = playedSpan(player)
  if (element.currentTime < startS - 0.05) element.currentTime = startS
  if (loop && element.currentTime >= loop.endS) element.currentTime = loop.startS
  head.set(element.currentTime)
  shape(element, track, TICK_MS / 1000)
  // An end that is cut is not one the element knows of.
  if (endS >= durationS - 0.02) return
  const leftMs = ((endS - element.currentTime) / element.playbackRate) * 1000
  clearTimeout(ending)
  if (leftMs <= 0) ended()
  else if (leftMs < 2 * TICK_MS) ending = setTimeout(tick, leftMs + 1)
}

/** Make a take as loud as it is to be a moment from now, by a straight line from what it is. */
function shape(element: HTMLAudioElement, track: Track, rampS: number): void {
  const edit = track.edit
  let node = gains.get(element)
  if (!node) {
    if (!edit || isEven(edit)) return
    // Once it goes through here, an element does so for good.
    context ??= new AudioContext()
    node = new GainNode(context)
    context.createMediaElementSource(element).connect(node).connect(context.destination)
    gains.set(element, node)
  }
  const { gain } = node
  const now = node.context.currentTime
  const gainThen = edit
    ? gainAt(edit, usePlayer.getState().durationS, element.currentTime + rampS * element.playbackRate)
    : 1
  gain.cancelScheduledValues(now)
  gain.setValueAtTime(rampS > 0 ? gain.value : gainThen, now)
  if (rampS > 0) gain.linearRampToValueAtTime(gainThen, now + rampS)
}

/** The present position, exact to the sample the browser is at; for drawing between two ticks. */
export function positionNow(): number {
  const { track } = usePlayer.getState()
  return (track && elements.get(track.takeId)?.currentTime) ?? head.get()
}

function settle(element: HTMLAudioElement, track: Track): void {
  const { rate, volume, muted, matchLufs } = usePlayer.getState()
  element.playbackRate = rate
  element.muted = muted
  const loudness = track.lufs === null ? null : track.lufs + (track.edit?.gain_db ?? 0)
  element.volume = volume * matchedGain(loudness, matchLufs)
}

function start(track: Track, positionS: number, sound: boolean): void {
  const before = usePlayer.getState().track
  clearTimeout(ending)
  usePlayer.setState({ track, durationS: track.durationS, error: null, waiting: sound })
  head.set(positionS)
  if (before && before.takeId !== track.takeId) elements.get(before.takeId)?.pause()
  const element = elementOf(track)
  settle(element, track)
  if (Math.abs(element.currentTime - positionS) > 0.001) element.currentTime = positionS
  shape(element, track, 0)
  if (sound) sounding(element)
  else usePlayer.setState({ playing: false })
  ticking ??= setInterval(tick, TICK_MS)
}

function sounding(element: HTMLAudioElement): void {
  void context?.resume()
  element.play().catch((error: unknown) => {
    // A newer command interrupted this one; that one tells what is so.
    if (error instanceof DOMException && error.name === 'AbortError') return
    usePlayer.setState({ playing: false, waiting: false })
  })
}

function withCurrent(act: (element: HTMLAudioElement, track: Track) => void): void {
  const { track } = usePlayer.getState()
  if (track) act(elementOf(track), track)
}

export const usePlayer = create<PlayerState>((set, get) => ({
  track: null,
  queue: [],
  index: 0,
  playing: false,
  waiting: false,
  error: null,
  durationS: 0,
  rate: 1,
  volume: 1,
  muted: false,
  loop: null,
  repeat: 'off',
  shuffle: false,
  matchLufs: null,

  play: (track, queue) => {
    const list = queue ?? [track]
    const index = list.findIndex((other) => other.takeId === track.takeId)
    set({ queue: list, index: Math.max(0, index), loop: null })
    start(track, beginning(track), true)
    const after = list[index + 1]
    if (after) get().prepare([after])
  },
  switchTo: (track) => {
    const { playing, queue, track: before } = get()
    if (before?.takeId === track.takeId) return
    set({ queue: queue.map((other) => (other.takeId === before?.takeId ? track : other)) })
    const { startS, endS } = spanOf(track.edit, track.durationS)
    start(track, Math.max(startS, Math.min(positionNow(), endS - 0.05)), playing)
  },
  resume: () => {
    withCurrent((element, track) => {
      const { startS, endS } = playedSpan(get())
      if (head.get() >= endS - 0.05) element.currentTime = get().loop?.startS ?? startS
      settle(element, track)
      shape(element, track, 0)
      sounding(element)
      ticking ??= setInterval(tick, TICK_MS)
    })
  },
  pause: () => {
    withCurrent((element) => {
      element.pause()
    })
  },
  toggle: () => {
    if (get().playing) get().pause()
    else get().resume()
  },
  seek: (positionS) => {
    withCurrent((element, track) => {
      const { startS, endS } = playedSpan(get())
      const at = Math.min(Math.max(startS, positionS), endS)
      element.currentTime = at
      head.set(at)
      shape(element, track, 0)
    })
  },
  seekBy: (seconds) => {
    get().seek(positionNow() + seconds)
  },
  next: () => {
    const { queue, index, repeat, shuffle } = get()
    if (!queue.length) return
    let at = index + 1
    if (shuffle && queue.length > 1)
      at = (index + 1 + Math.floor(Math.random() * (queue.length - 1))) % queue.length
    else if (at >= queue.length) {
      if (repeat !== 'all') return
      at = 0
    }
    const track = queue[at]
    if (!track) return
    set({ index: at, loop: null })
    start(track, beginning(track), true)
    const after = queue[at + 1]
    if (after) get().prepare([after])
  },
  previous: () => {
    const { queue, index } = get()
    const before = queue[index - 1]
    const { startS } = playedSpan(get())
    if (positionNow() > startS + 3 || !before) {
      get().seek(startS)
      return
    }
    set({ index: index - 1, loop: null })
    start(before, beginning(before), true)
  },
  playNext: (track) => {
    const { queue, index } = get()
    set({ queue: [...queue.slice(0, index + 1), track, ...queue.slice(index + 1)] })
    if (!get().track) get().play(track)
  },
  enqueue: (track) => {
    set({ queue: [...get().queue, track] })
    if (!get().track) get().play(track)
  },
  reorder: (queue) => {
    const current = get().track?.takeId
    set({
      queue,
      index: Math.max(
        0,
        queue.findIndex((track) => track.takeId === current),
      ),
    })
  },
  removeFromQueue: (at) => {
    const { queue, index } = get()
    if (at === index) return
    set({ queue: queue.filter((_, i) => i !== at), index: at < index ? index - 1 : index })
  },
  setRate: (rate) => {
    set({ rate })
    withCurrent(settle)
  },
  setVolume: (volume) => {
    set({ volume: Math.min(1, Math.max(0, volume)) })
    withCurrent(settle)
  },
  setMuted: (muted) => {
    set({ muted })
    withCurrent(settle)
  },
  setLoop: (loop) => {
    set({ loop })
  },
  setRepeat: (repeat) => {
    set({ repeat })
  },
  setShuffle: (shuffle) => {
    set({ shuffle })
  },
  setMatch: (matchLufs) => {
    set({ matchLufs })
    withCurrent(settle)
  },
  prepare: (tracks) => {
    for (const track of tracks) elementOf(track)
  },
  reshape: (takeId, edit) => {
    const { track, queue } = get()
    const same = JSON.stringify(edit)
    const reshaped = (one: Track) => one.takeId === takeId && JSON.stringify(one.edit ?? null) !== same
    if (!queue.some(reshaped) && !(track && reshaped(track))) return
    const anew = (one: Track) => (reshaped(one) ? { ...one, edit } : one)
    set({ queue: queue.map(anew), track: track && anew(track) })
    withCurrent((element, current) => {
      if (current.takeId !== takeId) return
      settle(element, current)
      get().seek(positionNow())
    })
  },
  clear: () => {
    withCurrent((element) => {
      element.pause()
    })
    set({ track: null, queue: [], index: 0, playing: false, durationS: 0, loop: null })
    head.set(0)
  },
}))

/** Where a track begins. */
const beginning = (track: Track): number => spanOf(track.edit, track.durationS).startS

type Titled = Pick<SongCard, 'id' | 'title' | 'caption' | 'artwork' | 'chosen_take_id' | 'duration_s'>

/** A song of a list as something to play; null while it has no take. */
export function songTrack(song: Titled & Partial<Pick<SongCard, 'edit'>>): Track | null {
  if (!song.chosen_take_id) return null
  return {
    takeId: song.chosen_take_id,
    songId: song.id,
    title: song.title,
    subtitle: song.caption,
    durationS: song.duration_s ?? 0,
    lufs: null,
    artwork: artwork(song),
    edit: song.edit,
  }
}

/** One take of a song as something to play. */
export function takeTrack(song: Titled, take: Pick<Take, 'id' | 'duration_s' | 'lufs' | 'edit'>): Track {
  return {
    takeId: take.id,
    songId: song.id,
    title: song.title,
    subtitle: song.caption,
    durationS: take.duration_s,
    lufs: take.lufs,
    artwork: artwork(song),
    edit: take.edit,
  }
}
