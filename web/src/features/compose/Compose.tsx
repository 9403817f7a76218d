export function Compose() {
  return <h1>Create</h1>
}
