/**
 * Several sounds played together, to the sample, each with its own loudness: stems, and the preview of an edit.
 *
 * Web Audio, since audio elements can neither start together nor be made louder. Everything is decoded into memory:
 * about 23 MB for a minute of a stem.
 */
import { gainOf, type Played } from '@/lib/envelope'

interface Channel {
  buffer: AudioBuffer
  gain: GainNode
}

async function decoded(context: AudioContext, url: string, signal: AbortSignal): Promise<AudioBuffer> {
  const answer = await fetch(url, { signal })
  if (!answer.ok) throw new Error(`${answer.status}`)
  return context.decodeAudioData(await answer.arrayBuffer())
}

export class Mixer {
  private readonly context = new AudioContext()
  private readonly stop = new AbortController()
  private readonly channels = new Map<string, Channel>()
  private readonly out: GainNode
  private sources: AudioBufferSourceNode[] = []
  private startedAt = 0
  private fromS = 0
  durationS = 0
  playing = false
  onChange: () => void = () => undefined

  constructor() {
    this.out = new GainNode(this.context)
    this.out.connect(this.context.destination)
  }

  /** Fetch sounds that are not here yet, and forget those no longer wanted. */
  async load(wanted: readonly { id: string; url: string }[]): Promise<void> {
    for (const [id, channel] of this.channels) {
      if (wanted.some((one) => one.id === id)) continue
      channel.gain.disconnect()
      this.channels.delete(id)
    }
    const missing = wanted.filter((one) => !this.channels.has(one.id))
    const buffers = await Promise.all(missing.map((one) => decoded(this.context, one.url, this.stop.signal)))
    for (const [at, one] of missing.entries()) {
      const gain = new GainNode(this.context)
      gain.connect(this.out)
      this.channels.set(one.id, { buffer: buffers[at]!, gain })
    }
    this.durationS = Math.max(0, ...[...this.channels.values()].map((one) => one.buffer.duration))
  }

  get positionS(): number {
    return this.playing
      ? Math.min(this.durationS, this.fromS + this.context.currentTime - this.startedAt)
      : this.fromS
  }

  setGain(id: string, db: number, heard: boolean): void {
    const gain = this.channels.get(id)?.gain.gain
    gain?.setTargetAtTime(heard ? gainOf(db) : 0, this.context.currentTime, 0.012)
  }

  /** Play all channels from a moment; with a shape, only what it says, as loud as it says. */
  play(fromS: number, shape?: Played): void {
    this.halt()
    void this.context.resume()
    const begin = this.context.currentTime + 0.03
    const offset = shape?.startS ?? fromS
    for (const { buffer, gain } of this.channels.values()) {
      if (offset >= buffer.duration) continue
      const source = new AudioBufferSourceNode(this.context, { buffer })
      source.connect(gain)
      source.start(begin, offset, shape ? Math.max(0, shape.lengthS) : undefined)
      this.sources.push(source)
    }
    const loudness = this.out.gain
    loudness.cancelScheduledValues(0)
    loudness.setValueAtTime(shape?.points[0]?.gain ?? 1, begin)
    for (const point of shape?.points.slice(1) ?? [])
      loudness.linearRampToValueAtTime(point.gain, begin + point.atS)
    const last = this.sources.at(-1)
    if (!last) return
    last.onended = () => {
      if (!this.sources.includes(last)) return
      this.halt()
      this.fromS = 0
      this.onChange()
    }
    this.startedAt = begin
    this.fromS = offset
    this.playing = true
    this.onChange()
  }

  pause(): void {
    const at = this.positionS
    this.halt()
    this.fromS = at
    this.onChange()
  }

  seek(positionS: number): void {
    if (this.playing) this.play(positionS)
    else {
      this.fromS = positionS
      this.onChange()
    }
  }

  private halt(): void {
    const ending = this.sources
    this.sources = []
    this.playing = false
    for (const source of ending) {
      source.onended = null
      source.stop()
      source.disconnect()
    }
  }

  close(): void {
    this.onChange = () => undefined
    this.halt()
    this.stop.abort()
    void this.context.close()
  }
}
