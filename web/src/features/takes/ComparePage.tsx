export function ComparePage({ songId }: { songId: string }) {
  return <p>{songId}</p>
}
