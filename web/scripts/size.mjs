/** Fails where the first load of the built page is heavier than it may be. */
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const LIMIT = 300_000
const page = new URL('../../melisma/studio/page/', import.meta.url)
const scripts = readFileSync(new URL('index.html', page), 'utf8').matchAll(
  /(?:src|href)="\/(assets\/[^"]+\.js)"/g,
)
const total = [...new Set([...scripts].map((found) => found[1]))]
  .map((name) => gzipSync(readFileSync(new URL(name, page))).length)
  .reduce((sum, size) => sum + size, 0)

console.log(`first load: ${Math.round(total / 1000)} KB of gzipped JavaScript, ${LIMIT / 1000} allowed`)
process.exit(total > LIMIT ? 1 : 0)
