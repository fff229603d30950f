/** The controller's own version, as its package says. */
import { readFileSync } from 'node:fs'

/** The package lies one folder up from the source and from the bundle alike. */
export const VERSION: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version
