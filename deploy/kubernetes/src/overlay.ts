/** The files of one environment. */

import type { Environment } from './environments.ts'
import { ingresses } from './ingress.ts'
import { kedaPatches, scaledObjects } from './lag.ts'
import { component, kustomization, type Manifest, type Patch } from './manifest.ts'
import { boundsPatch } from './scaling.ts'
import { managedServerPolicies } from './servers.ts'
import {
  ownSettingsMap,
  replicaSettings,
  SETTINGS_MAP,
  type Settings,
  TARGETS,
  type TargetName,
} from './settings-of-cloud.ts'
import type { Files } from './text.ts'
import { envText, yamlText } from './text.ts'
import { CLOUD_IMAGE } from './workload.ts'

/** What an environment sets, beside what all share. */
export function settingsOf({ settings, bounds }: Environment): Settings {
  const largest = Object.fromEntries(TARGETS.map((it) => [it, bounds[it].largest]))
  return { ...settings, ...replicaSettings(largest as Record<TargetName, number>) }
}

const requestsPatch = (name: string, requests: { cpu: string; memory: string }): Patch => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { template: { spec: { containers: [{ name, resources: { requests } }] } } },
})

/** Paths are relative to the folder of the overlay. */
export function overlay(environment: Environment): Files {
  const {
    bounds,
    managedServers,
    namespace,
    outside,
    ownSettings = {},
    requests,
    says,
    sites,
    version,
  } = environment
  const namespaceManifest: Manifest = {
    apiVersion: 'v1',
    kind: 'Namespace',
    // The strictest of the standards for pods: what asks for more is refused by the cluster itself.
    metadata: {
      name: namespace,
      labels: {
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/enforce-version': 'latest',
      },
    },
  }
  const own = TARGETS.flatMap((it) => (ownSettings[it] ? [{ name: it, settings: ownSettings[it] }] : []))
  const files: Files = {
    'namespace.yaml': yamlText([namespaceManifest]),
    'ingress.yaml': yamlText(ingresses(outside)),
    'settings.env': envText(settingsOf(environment)),
    ...Object.fromEntries(own.map((it) => [`${it.name}.env`, envText(it.settings)])),
    'bounds.yaml': yamlText(TARGETS.map((it) => boundsPatch(it, bounds[it]))),
    'keda/scaled-objects.yaml': yamlText(scaledObjects(bounds)),
    'keda/autoscalers.yaml': yamlText(kedaPatches),
    'keda/kustomization.yaml': yamlText(
      [component({ resources: ['scaled-objects.yaml'], patches: [{ path: 'autoscalers.yaml' }] })],
      'KEDA scales what has something waiting, within the bounds of this environment.',
    ),
  }
  if (requests) files['requests.yaml'] = yamlText(TARGETS.map((it) => requestsPatch(it, requests)))
  if (managedServers) files['managed-servers.yaml'] = yamlText(managedServerPolicies(managedServers))
  files['kustomization.yaml'] = yamlText(
    [
      kustomization({
        namespace,
        resources: [
          '../../base',
          'namespace.yaml',
          'ingress.yaml',
          ...(managedServers ? ['managed-servers.yaml'] : []),
        ],
        components: [
          ...(managedServers ? [] : ['../../components/servers']),
          '../../components/broker',
          ...(sites ? ['../../components/broker-tls'] : []),
        ],
        configMapGenerator: [
          { name: SETTINGS_MAP, behavior: 'merge', envs: ['settings.env'] },
          ...own.map(({ name }) => ({
            name: ownSettingsMap(name),
            behavior: 'merge' as const,
            envs: [`${name}.env`],
          })),
        ],
        images: [{ name: CLOUD_IMAGE, newTag: version }],
        patches: [{ path: 'bounds.yaml' }, ...(requests ? [{ path: 'requests.yaml' }] : [])],
      }),
    ],
    says,
  )
  return files
}
