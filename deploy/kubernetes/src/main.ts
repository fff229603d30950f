/** `npm run manifests`: writes what is rendered into deploy/kubernetes, and removes what no longer is. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RENDERED, rendered } from './render.ts'

const FOLDER = fileURLToPath(new URL('..', import.meta.url))

const files = Object.entries(rendered())
for (const folder of RENDERED) rmSync(join(FOLDER, folder), { recursive: true, force: true })
for (const [path, text] of files) {
  mkdirSync(dirname(join(FOLDER, path)), { recursive: true })
  writeFileSync(join(FOLDER, path), text)
}
console.log(`${files.length} files in deploy/kubernetes`)
