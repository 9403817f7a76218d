export function SongTakes({ songId }: { songId: string }) {
  return <p>{songId}</p>
}
