export function Now() {
  return null
}
