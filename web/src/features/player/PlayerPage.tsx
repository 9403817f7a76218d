export function PlayerPage() {
  return <h1>Player</h1>
}
