/** The manifests are what is rendered, hold to the schemas of their kinds, and name nothing that is not there. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NetworkPolicySpec } from 'kubernetes-types/networking/v1'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { MQTTS_SECRET } from './broker.ts'
import {
  built,
  chosen,
  type Document,
  documentsOf,
  KUBERNETES,
  noKubectl,
  ofKind,
  podsIn,
} from './documents.fixture.ts'
import { environments } from './environments.ts'
import { RENDERED, rendered } from './render.ts'
import { SECRET } from './secrets.ts'
import { TARGETS } from './settings-of-cloud.ts'

const ROOT = join(KUBERNETES, '..', '..')
const own = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const files = rendered()
const manifestFiles = Object.keys(files).filter(
  (it) => it.endsWith('.yaml') && !/kustomization|prometheus-adapter/.test(it),
)
/** Patches are no whole manifests. */
const isPatch = (path: string): boolean => /(bounds|requests|listener|autoscalers)\.yaml$/.test(path)
const whole = manifestFiles.filter((it) => !isPatch(it)).flatMap((it) => documentsOf(files[it]!))

test('what lies here is what is rendered', () => {
  const there = RENDERED.flatMap((folder) =>
    readdirSync(join(KUBERNETES, folder), { recursive: true, withFileTypes: true })
      .filter((it) => it.isFile())
      .map((it) => join(it.parentPath, it.name).slice(KUBERNETES.length)),
  )
  expect(there.sort(), '`npm run manifests` writes them anew').toEqual(Object.keys(files).sort())
  for (const [path, text] of Object.entries(files))
    expect(readFileSync(join(KUBERNETES, path), 'utf8'), path).toBe(text)
})

/** What is wrong with a document by the schema of its kind. */
async function schemaProblem(it: Document): Promise<string | undefined> {
  const [library, group] = /\.coreos\.com\//.test(it.apiVersion)
    ? ['@kubernetes-models/prometheus-operator', it.apiVersion]
    : it.apiVersion.startsWith('keda.sh/')
      ? ['@kubernetes-models/keda', it.apiVersion]
      : ['kubernetes-models', it.apiVersion]
  const module = await import(`${library}/${group}/${it.kind}`)
  try {
    new module[it.kind](it).validate()
    return undefined
  } catch (error) {
    return `${it.kind} ${it.metadata.name}: ${(error as Error).message}`
  }
}

describe('schemas', () => {
  test.each(manifestFiles.filter((it) => !isPatch(it)))('%s', async (path) => {
    const documents = documentsOf(files[path]!)
    expect(documents.length).toBeGreaterThan(0)
    expect((await Promise.all(documents.map(schemaProblem))).filter(Boolean)).toEqual([])
  })

  test('a manifest that is wrong is found', async () => {
    const [broken] = whole.filter((it) => it.kind === 'Deployment').map((it) => structuredClone(it))
    ;(broken!.spec as { replicas: unknown }).replicas = 'three'
    expect(await schemaProblem(broken!)).toMatch(/replicas.*integer/)
  })
})

const overlays = environments.map((it) => it.name)
/** Without kubectl only what is written can be looked at, before patches. */
const sets: [string, () => Document[]][] = [
  ['as written', () => whole],
  ...(noKubectl ? [] : overlays.map((it): [string, () => Document[]] => [it, () => built(it)])),
]
if (noKubectl) test.skip.each(overlays)(`%s, as kustomize builds it${noKubectl}`, () => {})

describe.each(sets)('%s', (set, load) => {
  const documents = load()
  const pods = podsIn(documents)
  const isBuilt = set !== 'as written'

  test('has every service, with a budget for disruptions and an autoscaler', () => {
    for (const name of TARGETS) {
      const kinds = documents.filter((it) => it.metadata.name === name).map((it) => it.kind)
      expect(kinds, name).toEqual(
        expect.arrayContaining([
          'Service',
          'Deployment',
          'HorizontalPodAutoscaler',
          'PodDisruptionBudget',
          'NetworkPolicy',
        ]),
      )
    }
  })

  test.each(pods.map((it) => [it.of, it] as const))('%s is confined', (_, { spec, containers }) => {
    expect(spec.enableServiceLinks).toBe(false)
    expect(spec.automountServiceAccountToken).toBe(false)
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    for (const it of containers) {
      expect(it.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        capabilities: { drop: ['ALL'] },
      })
      for (const name of ['cpu', 'memory'] as const) {
        expect(it.resources?.requests?.[name], `${it.name} requests ${name}`).toBeTruthy()
        expect(it.resources?.limits?.[name], `${it.name} is limited in ${name}`).toBeTruthy()
      }
    }
  })

  test.each(pods.filter((it) => it.kind !== 'Job').map((it) => [it.of, it] as const))(
    '%s is asked whether it has started, lives and is ready',
    (_, { containers }) => {
      for (const it of containers) {
        const ports = it.ports?.map((port) => port.name)
        for (const probe of [it.startupProbe, it.livenessProbe, it.readinessProbe]) {
          expect(probe, it.name).toBeDefined()
          const port = probe!.httpGet?.port ?? probe!.tcpSocket?.port
          if (port) expect(ports, it.name).toContain(port)
          else expect(probe!.exec?.command?.length).toBeGreaterThan(0)
        }
        expect(it.livenessProbe?.httpGet?.path, 'a database that is away restarts nothing').not.toBe('/ready')
      }
    },
  )

  test('pods name accounts, settings, secrets and volumes that there are', () => {
    const names = (kind: string): string[] => ofKind(documents, kind).map((it) => it.metadata.name)
    const maps = isBuilt
      ? names('ConfigMap')
      : [
          ...Object.values(files)
            .join('\n')
            .matchAll(/^ {2}- name: (\S+)\n(?: {4}behavior: \w+\n)?/gm),
        ].map((it) => it[1]!)
    for (const { of, spec, containers } of pods) {
      expect(names('ServiceAccount'), of).toContain(spec.serviceAccountName)
      const volumes = spec.volumes ?? []
      const claims = ofKind(documents, 'StatefulSet')
        .filter((it) => of === `StatefulSet ${it.metadata.name}`)
        .flatMap((it) => it.spec?.volumeClaimTemplates as { metadata: { name: string } }[])
        .map((it) => it.metadata.name)
      const mountable = [...volumes.map((it) => it.name), ...claims]
      expect(new Set(mountable).size, of).toBe(mountable.length)
      const mounted = containers.flatMap((it) => it.volumeMounts ?? []).map((it) => it.name)
      expect([...mountable].sort(), of).toEqual([...new Set(mounted)].sort())
      for (const volume of volumes) if (volume.configMap) expect(maps, of).toContain(volume.configMap.name)
      for (const from of containers.flatMap((it) => it.envFrom ?? []))
        expect(maps, of).toContain(from.configMapRef?.name)
    }
  })

  test('secrets are those of make-secrets.sh, as files, and each file that is named is mounted', () => {
    const made = [...own('deploy/compose/make-secrets.sh').matchAll(/^keep (\w+)/gm)].map((it) => it[1]!)
    expect(made.length).toBeGreaterThan(5)
    for (const { of, spec, containers } of pods) {
      const sources = (spec.volumes ?? []).flatMap((it) => [
        ...(it.secret ? [{ name: it.secret.secretName, items: it.secret.items }] : []),
        ...(it.projected?.sources ?? []).map((source) => ({ ...source.secret })),
      ])
      for (const { name, items = [] } of sources) {
        expect([SECRET, MQTTS_SECRET], of).toContain(name)
        if (name === SECRET) for (const { key } of items) expect(made, of).toContain(key)
      }
      const mounted = sources.flatMap((it) => it.items ?? []).map((it) => `/run/secrets/${it.path}`)
      const named = containers
        .flatMap((it) => it.env ?? [])
        .flatMap((it) => (it.name.endsWith('_FILE') ? [it.value] : []))
      const shell = containers.flatMap((it) => it.command ?? []).join(' ')
      expect(new Set(mounted).size, of).toBe(mounted.length)
      for (const it of named) expect(mounted, of).toContain(it)
      for (const it of mounted)
        expect(named.includes(it) || shell.includes(it) || it.includes('tls'), `${of}: ${it} is used`).toBe(
          true,
        )
    }
  })

  test('services, autoscalers, budgets and ingresses lead to pods and ports that there are', () => {
    for (const { metadata, spec = {} } of ofKind(documents, 'Service')) {
      const behind = pods.filter((it) => chosen(spec.selector as Record<string, string>, it.labels))
      expect(behind.length, metadata.name).toBe(1)
      const ports = behind.flatMap((it) => it.containers).flatMap((it) => it.ports ?? [])
      // The TLS listener is a patch.
      for (const port of spec.ports as { port: number; targetPort: string }[])
        if (isBuilt || metadata.name !== 'mqtts')
          expect(ports, metadata.name).toContainEqual({ name: port.targetPort, containerPort: port.port })
    }
    for (const { spec = {} } of ofKind(documents, 'HorizontalPodAutoscaler'))
      expect(ofKind(documents, 'Deployment').map((it) => it.metadata.name)).toContain(
        (spec.scaleTargetRef as { name: string }).name,
      )
    for (const { metadata, spec } of ofKind(documents, 'PodDisruptionBudget')) {
      const selector = spec?.selector as { matchLabels: Record<string, string> }
      expect(pods.filter((it) => chosen(selector.matchLabels, it.labels)).length, metadata.name).toBe(1)
    }
    const backends = JSON.stringify(ofKind(documents, 'Ingress')).matchAll(
      /"service":\{"name":"([\w-]+)","port":\{"name":"(\w+)"\}/g,
    )
    let count = 0
    for (const [, name, port] of backends) {
      count += 1
      const service = ofKind(documents, 'Service').find((it) => it.metadata.name === name)
      expect(
        ((service?.spec?.ports ?? []) as { name: string }[]).map((it) => it.name),
        name,
      ).toContain(port)
    }
    expect(count).toBeGreaterThanOrEqual(3)
  })

  test('network policies choose pods that there are, on ports that these have', () => {
    const policies = ofKind(documents, 'NetworkPolicy')
    expect(policies.find((it) => it.metadata.name === 'closed')?.spec).toEqual({
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
    })
    const portsOf = (selector: Record<string, string> | undefined): number[] => {
      const found = pods.filter((it) => chosen(selector, it.labels))
      expect(found.length, JSON.stringify(selector)).toBeGreaterThan(0)
      return found
        .flatMap((it) => it.containers)
        .flatMap((it) => it.ports ?? [])
        .map((it) => it.containerPort)
    }
    for (const { metadata, spec } of policies) {
      const { podSelector, ingress = [], egress = [] } = spec as unknown as NetworkPolicySpec
      const chosenPorts = portsOf(podSelector.matchLabels)
      for (const rule of ingress) {
        expect(rule.from?.length, `${metadata.name}: a rule without peers lets everybody in`).toBeTruthy()
        for (const { port } of rule.ports ?? [])
          if (isBuilt || port !== 8883) expect(chosenPorts, metadata.name).toContain(port)
        for (const peer of rule.from ?? [])
          if (peer.podSelector && !peer.namespaceSelector) portsOf(peer.podSelector.matchLabels)
      }
      for (const rule of egress) {
        expect(rule.to?.length, metadata.name).toBeTruthy()
        for (const peer of rule.to ?? [])
          if (peer.podSelector && !peer.namespaceSelector)
            for (const { port } of rule.ports ?? [])
              expect(portsOf(peer.podSelector.matchLabels), metadata.name).toContain(port)
      }
    }
  })

  test('images are ours or those of docker-compose.yml, and none is `latest`', () => {
    const compose = [...own('docker-compose.yml').matchAll(/_IMAGE:-([^}]+)\}/g)].map((it) => it[1]!)
    for (const { image } of pods.flatMap((it) => it.containers)) {
      if (image!.startsWith('switchyard/cloud')) {
        if (isBuilt) expect(image).toMatch(/^switchyard\/cloud:\d+\.\d+\.\d+$/)
      } else expect(compose).toContain(image)
      expect(image).not.toMatch(/:latest$/)
    }
  })

  test('nothing has a secret in it', () => {
    expect(ofKind(documents, 'Secret')).toEqual([])
    for (const it of pods.flatMap((pod) => pod.containers).flatMap((pod) => pod.env ?? []))
      if (/(PASSWORD|KEY|TOKEN|SECRET)$|^(DATABASE|REDIS)_URL$/.test(it.name))
        expect(it.value, it.name).toBeUndefined()
  })
})

test.skipIf(noKubectl)(`everything of an overlay is in its namespace, which it makes${noKubectl}`, () => {
  for (const { name, namespace } of environments) {
    const documents = built(name)
    expect(ofKind(documents, 'Namespace').map((it) => it.metadata.name)).toEqual([namespace])
    for (const it of documents)
      if (it.kind !== 'Namespace') expect(it.metadata.namespace, it.kind).toBe(namespace)
  }
})

test('prometheus-adapter, KEDA and the autoscalers ask for metrics that there are', () => {
  const told = new Set(
    [...own('docs/observability.md').matchAll(/^\| `(switchyard_\w+)`/gm)].map((it) => it[1]!),
  )
  const { externalRules } = parse(files['prometheus-adapter/config.yaml']!) as {
    externalRules: { seriesQuery: string; name: { as: string }; metricsQuery: string }[]
  }
  for (const { seriesQuery, metricsQuery } of externalRules) {
    expect(told).toContain(/^\w+/.exec(seriesQuery)![0])
    for (const [, metric] of metricsQuery.matchAll(/\b(switchyard_\w+)/g)) {
      expect(told).toContain(metric)
      // It is not what the adapter looks for, and may not be there.
      expect(metricsQuery).toMatch(/ or vector\(0\)$/)
    }
  }
  const wanted = [...files['components/lag/autoscalers.yaml']!.matchAll(/name: (switchyard_\w+)/g)].map(
    (it) => it[1]!,
  )
  expect([...new Set(wanted)].sort()).toEqual(externalRules.map((it) => it.name.as).sort())
  for (const { name } of environments) {
    const asked = files[`overlays/${name}/keda/scaled-objects.yaml`]!.matchAll(/\b(switchyard_\w+)/g)
    for (const [, metric] of asked) expect(told).toContain(metric)
  }
})
