/** Manifests as the text of a file. */
import { stringify } from 'yaml'

/** Path -> text. */
export type Files = Record<string, string>

const HEAD = '# Rendered by `npm run manifests` from deploy/kubernetes/src; change it there.\n'

/** One document each, in that order. `says` stands in the head of the file. */
export function yamlText(documents: readonly object[], says?: string): string {
  const texts = documents.map((it) => stringify(it, { lineWidth: 0, aliasDuplicateObjects: false }))
  return `${HEAD}${says ? `# ${says}\n` : ''}${texts.join('---\n')}`
}

/** NAME=value, as kustomize reads it: literally, to the end of the line. */
export function envText(settings: Readonly<Record<string, string>>): string {
  return `${HEAD}${Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')}`
}
