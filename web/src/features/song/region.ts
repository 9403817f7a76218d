/** Arithmetic of the selected region, in seconds. */
export interface Region {
  startS: number
  endS: number
}

export const SHORTEST_S = 0.1

const hundredth = (seconds: number) => Math.round(seconds * 100) / 100

/** In order, inside the song, never shorter than can be heard. */
export function tidy(region: Region, durationS: number): Region {
  const [low, high] =
    region.startS <= region.endS ? [region.startS, region.endS] : [region.endS, region.startS]
  const startS = Math.min(Math.max(0, low), Math.max(0, durationS - SHORTEST_S))
  const endS = Math.max(startS + SHORTEST_S, Math.min(high, durationS))
  return { startS: hundredth(startS), endS: Math.min(durationS, hundredth(endS)) }
}

/** A region with one end moved; past the other end, it pushes it along. */
export function withStart(region: Region, startS: number, durationS: number): Region {
  return tidy({ startS, endS: Math.max(region.endS, startS + SHORTEST_S) }, durationS)
}

export function withEnd(region: Region, endS: number, durationS: number): Region {
  return tidy({ startS: Math.min(region.startS, endS - SHORTEST_S), endS }, durationS)
}

/** The region grown to hold another, as when a second line is picked. */
export const joined = (a: Region, b: Region): Region => ({
  startS: Math.min(a.startS, b.startS),
  endS: Math.max(a.endS, b.endS),
})

export const isWhole = (region: Region | null, durationS: number): boolean =>
  region === null || (region.startS <= 0.01 && region.endS >= durationS - 0.01)
