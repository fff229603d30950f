/** What tests read of manifests: documents of files, and what kustomize makes of an overlay where kubectl is at hand. */
import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Container, PodSpec } from 'kubernetes-types/core/v1'
import { parseAllDocuments } from 'yaml'

export const KUBERNETES = fileURLToPath(new URL('..', import.meta.url))
/** Why what kustomize makes is not looked at, for the names of tests that are skipped; empty: it is. */
export const noKubectl =
  spawnSync('kubectl', ['version', '--client']).status === 0 ? '' : ': kubectl is not here'

/** Any manifest, as much of it as tests look at. */
export interface Document {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string> }
  spec?: Record<string, unknown>
  data?: Record<string, string>
  $patch?: string
}

export const documentsOf = (text: string): Document[] =>
  parseAllDocuments(text).map((it) => it.toJS() as Document)

/** What would be applied. */
export const built = (overlay: string): Document[] =>
  documentsOf(
    execFileSync('kubectl', ['kustomize', `${KUBERNETES}/overlays/${overlay}`], {
      encoding: 'utf8',
      maxBuffer: 16_777_216,
    }),
  )

export interface Pod {
  /** Kind and name of what makes it. */
  of: string
  kind: string
  labels: Record<string, string>
  spec: PodSpec
  containers: Container[]
}

export function podsIn(documents: readonly Document[]): Pod[] {
  return documents.flatMap(({ kind, metadata, spec }) => {
    if (!['Deployment', 'StatefulSet', 'Job'].includes(kind)) return []
    const template = spec?.template as { metadata: { labels: Record<string, string> }; spec: PodSpec }
    const containers = [...(template.spec.initContainers ?? []), ...template.spec.containers]
    return [
      {
        of: `${kind} ${metadata.name}`,
        kind,
        labels: template.metadata.labels,
        spec: template.spec,
        containers,
      },
    ]
  })
}

export const ofKind = (documents: readonly Document[], kind: string): Document[] =>
  documents.filter((it) => it.kind === kind)

/** Whether labels are chosen by `matchLabels`. */
export const chosen = (
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>>,
): boolean => Object.entries(selector ?? {}).every(([name, value]) => labels[name] === value)
