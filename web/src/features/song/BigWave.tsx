/**
 * The large waveform: zoom, sections, a region to drag, and what trimming leaves out. Drawn by wavesurfer.js from peaks
 * the server keeps; the sound itself is the player's. Everything it does with a pointer, the fields beneath do by keyboard.
 */
import { useEffect, useRef } from 'react'
import WaveSurfer from 'wavesurfer.js'
import RegionsPlugin, { type Region as WaveRegion } from 'wavesurfer.js/dist/plugins/regions.esm.js'
import TimelinePlugin from 'wavesurfer.js/dist/plugins/timeline.esm.js'
import type { Section } from '@/api/types'
import { clock } from '@/lib/format'
import { useFollow, type Playhead } from '@/lib/playhead'
import { SHORTEST_S, tidy, type Region } from './region'
import styles from './song.module.css'
import { useColours } from './useColours'

interface Shown {
  peaks: readonly number[]
  durationS: number
  sections: readonly Section[]
  region: Region | null
  /** What is played of the take; outside it is dimmed. */
  trim: Region | null
  /** Pixels per second; 0 fits the whole song. */
  zoom: number
  positionOf: () => number
  moving: boolean
  head: Playhead
  onSeek: (positionS: number) => void
  onRegion: (region: Region | null) => void
}

const SELECTED = 'selected'

export function BigWave(props: Shown) {
  const { peaks, durationS, sections, region, trim, zoom, moving, head } = props
  const box = useRef<HTMLDivElement>(null)
  const surfer = useRef<WaveSurfer | null>(null)
  const regions = useRef<RegionsPlugin | null>(null)
  const latest = useRef(props)
  const colours = useColours()
  useEffect(() => {
    latest.current = props
  })

  useEffect(() => {
    const container = box.current
    if (!container) return
    const plugin = RegionsPlugin.create()
    const made = WaveSurfer.create({
      container,
      peaks: [[...peaks]],
      duration: durationS,
      height: 132,
      barWidth: 2,
      barGap: 1,
      barRadius: 2,
      normalize: true,
      cursorWidth: 2,
      waveColor: colours['line-strong'],
      progressColor: colours.accent,
      cursorColor: colours.ink,
      plugins: [
        plugin,
        TimelinePlugin.create({
          height: 16,
          formatTimeCallback: clock,
          style: { fontSize: '11px', color: colours['ink-2'] },
        }),
      ],
    })
    surfer.current = made
    regions.current = plugin
    made.on('interaction', (atS: number) => {
      latest.current.onSeek(atS)
    })
    made.on('ready', () => {
      plugin.enableDragSelection({ id: SELECTED, color: 'transparent' }, 4)
      draw(plugin, latest.current, colours)
    })
    const told = (one: WaveRegion) => {
      if (one.id !== SELECTED) return
      if (one.end - one.start < SHORTEST_S / 2) return
      latest.current.onRegion(tidy({ startS: one.start, endS: one.end }, latest.current.durationS))
    }
    plugin.on('region-created', (one) => {
      if (one.id !== SELECTED) return
      for (const other of plugin.getRegions()) if (other !== one && other.id === SELECTED) other.remove()
      told(one)
    })
    plugin.on('region-updated', told)
    return () => {
      made.destroy()
      surfer.current = null
      regions.current = null
    }
  }, [peaks, durationS, colours])

  useEffect(() => {
    if (regions.current && surfer.current?.getDecodedData()) draw(regions.current, latest.current, colours)
  }, [region, trim, sections, colours])

  useEffect(() => {
    const wave = surfer.current
    if (wave?.getDecodedData()) wave.zoom(zoom)
  }, [zoom])

  useFollow(head, (positionS) => {
    surfer.current?.setTime(positionS)
  })

  useEffect(() => {
    if (!moving) return
    let frame = 0
    const follow = () => {
      surfer.current?.setTime(latest.current.positionOf())
      frame = requestAnimationFrame(follow)
    }
    frame = requestAnimationFrame(follow)
    return () => {
      cancelAnimationFrame(frame)
    }
  }, [moving])

  return <div ref={box} className={styles.bigWave} aria-hidden="true" data-testid="waveform" />
}

function draw(plugin: RegionsPlugin, { region, trim, sections, durationS }: Shown, colours: Colours): void {
  const mine = plugin.getRegions().find((one) => one.id === SELECTED)
  if (!region) mine?.remove()
  else if (!mine)
    plugin.addRegion({
      id: SELECTED,
      start: region.startS,
      end: region.endS,
      color: veil(colours.accent, 0.18),
    })
  else {
    if (Math.abs(mine.start - region.startS) > 0.006 || Math.abs(mine.end - region.endS) > 0.006)
      mine.setOptions({ start: region.startS, end: region.endS })
    mine.setOptions({ color: veil(colours.accent, 0.18) })
  }
  for (const one of plugin.getRegions()) if (one.id !== SELECTED) one.remove()
  const fixed = { drag: false, resize: false }
  for (const section of sections)
    plugin.addRegion({
      ...fixed,
      start: section.start_s,
      content: label(section.name),
      color: veil(colours['ink-2'], 0.35),
    })
  if (!trim) return
  const dim = veil(colours['ink-2'], 0.28)
  if (trim.startS > 0) plugin.addRegion({ ...fixed, start: 0, end: trim.startS, color: dim })
  if (trim.endS < durationS) plugin.addRegion({ ...fixed, start: trim.endS, end: durationS, color: dim })
}

function label(name: string): HTMLElement {
  const element = document.createElement('span')
  element.textContent = name
  Object.assign(element.style, {
    padding: '0 5px',
    borderRadius: '0 0 5px 0',
    background: 'var(--sunken)',
    color: 'var(--ink-2)',
    fontSize: '11px',
  })
  return element
}

type Colours = ReturnType<typeof useColours>

/** A colour as `getComputedStyle` gives it, made transparent. */
function veil(colour: string, alpha: number): string {
  return `color-mix(in srgb, ${colour} ${alpha * 100}%, transparent)`
}
