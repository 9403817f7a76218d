/** A position as m:ss, drawn anew once a second. */
import { clock } from '@/lib/format'
import { useAt, type Playhead } from '@/lib/playhead'

export function Clock({ head, fromS = 0 }: { head: Playhead; fromS?: number }) {
  return useAt(head, (positionS) => clock(positionS - fromS))
}
