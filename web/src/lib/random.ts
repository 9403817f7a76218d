/** Names that nobody else draws. `crypto.randomUUID` is missing where a page comes over plain http from the local network. */
export function drawName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}
