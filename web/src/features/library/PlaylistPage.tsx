export function PlaylistPage({ playlistId }: { playlistId: string }) {
  return <h1>{playlistId}</h1>
}
