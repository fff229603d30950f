/** Every file that is rendered: the base, components that an environment may take, and the environments. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { broker, brokerTls, brokerTlsPatch, MOSQUITTO_FILES } from './broker.ts'
import { SERVICE_ACCOUNT } from './confined.ts'
import { environments } from './environments.ts'
import { adapterRules, lagPatches } from './lag.ts'
import { component, kustomization } from './manifest.ts'
import { migration } from './migration.ts'
import { monitoringPolicy, prometheusRule, serviceMonitor } from './monitoring.ts'
import { closed, servicePolicy } from './network.ts'
import { overlay } from './overlay.ts'
import { scaling } from './scaling.ts'
import { postgres, redis, serverPolicies } from './servers.ts'
import { services } from './services.ts'
import { ownSettingsMap, SETTINGS_MAP, sharedSettings } from './settings-of-cloud.ts'
import { envText, type Files, yamlText } from './text.ts'
import { workload } from './workload.ts'

/** Folders that hold nothing but what is rendered. */
export const RENDERED = ['base', 'components', 'overlays', 'prometheus-adapter'] as const

/** A file of the checkout that goes into a cluster as it is. */
const own = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')

const under = (folder: string, files: Files): Files =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [`${folder}/${path}`, text]))

const withOwnSettings = services.filter((it) => it.settings)

const base = (): Files => ({
  'kustomization.yaml': yamlText(
    [
      kustomization({
        resources: [
          'account.yaml',
          'network.yaml',
          'migration.yaml',
          ...services.map((it) => `${it.name}.yaml`),
        ],
        configMapGenerator: [
          { name: SETTINGS_MAP, envs: ['settings.env'] },
          ...withOwnSettings.map(({ name }) => ({ name: ownSettingsMap(name), envs: [`${name}.env`] })),
        ],
      }),
    ],
    'What every environment has. It is built through an overlay, which names namespace, version and hosts.',
  ),
  'settings.env': envText(sharedSettings()),
  ...Object.fromEntries(withOwnSettings.map((it) => [`${it.name}.env`, envText(it.settings ?? {})])),
  'account.yaml': yamlText([
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: SERVICE_ACCOUNT },
      automountServiceAccountToken: false,
    },
  ]),
  'network.yaml': yamlText(closed),
  'migration.yaml': yamlText([migration]),
  ...Object.fromEntries(
    services.map((it) => [`${it.name}.yaml`, yamlText([...workload(it), ...scaling(it), servicePolicy(it)])]),
  ),
})

const components = (): Files => ({
  ...under('servers', {
    'kustomization.yaml': yamlText(
      [component({ resources: ['postgres.yaml', 'redis.yaml', 'network.yaml'] })],
      'Postgres and Redis in the cluster, for evaluation.',
    ),
    'postgres.yaml': yamlText(postgres),
    'redis.yaml': yamlText(redis),
    'network.yaml': yamlText(serverPolicies),
  }),
  ...under('broker', {
    'kustomization.yaml': yamlText(
      [
        component({
          resources: ['broker.yaml'],
          configMapGenerator: [{ name: MOSQUITTO_FILES, files: ['mosquitto.conf', 'init.sh', 'start.sh'] }],
        }),
      ],
      'Mosquitto; its three files are copies from deploy/brokers/mosquitto and deploy/compose.',
    ),
    'broker.yaml': yamlText(broker),
    'mosquitto.conf': own('brokers/mosquitto/mosquitto.conf'),
    'init.sh': own('brokers/mosquitto/init.sh'),
    'start.sh': own('compose/mosquitto-start.sh'),
  }),
  ...under('broker-tls', {
    'kustomization.yaml': yamlText(
      [
        component({
          resources: ['mqtts.yaml'],
          configMapGenerator: [{ name: MOSQUITTO_FILES, behavior: 'merge', files: ['mosquitto-tls.conf'] }],
          patches: [{ path: 'listener.yaml' }],
        }),
      ],
      'Sites reach the broker over TLS, at a balancer of its own; the certificate is the Secret mqtts-tls.',
    ),
    'mqtts.yaml': yamlText(brokerTls),
    'listener.yaml': yamlText([brokerTlsPatch]),
    'mosquitto-tls.conf': own('compose/mosquitto-tls.conf'),
  }),
  ...under('lag', {
    'kustomization.yaml': yamlText(
      [component({ patches: [{ path: 'autoscalers.yaml' }] })],
      'Autoscalers look at what waits too; prometheus-adapter tells them (prometheus-adapter/config.yaml).',
    ),
    'autoscalers.yaml': yamlText(lagPatches),
  }),
  ...under('monitoring', {
    'kustomization.yaml': yamlText(
      [component({ resources: ['monitor.yaml', 'rules.yaml', 'network.yaml'] })],
      'For the Prometheus operator in namespace `monitoring`; alerts are those of deploy/observability.',
    ),
    'monitor.yaml': yamlText([serviceMonitor]),
    'rules.yaml': yamlText([prometheusRule(parse(own('observability/prometheus/rules.yml')).groups)]),
    'network.yaml': yamlText([monitoringPolicy]),
  }),
})

/** Path below deploy/kubernetes -> text. */
export const rendered = (): Files => ({
  ...under('base', base()),
  ...under('components', components()),
  ...Object.assign({}, ...environments.map((it) => under(`overlays/${it.name}`, overlay(it)))),
  'prometheus-adapter/config.yaml': yamlText(
    [adapterRules],
    'Configuration of prometheus-adapter (external metrics), in whatever way it is installed.',
  ),
})
