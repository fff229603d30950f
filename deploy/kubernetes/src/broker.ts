/** Mosquitto, with the files of deploy/brokers and deploy/compose: plain for site-gateway alone, and with TLS for sites. */
import type { Probe } from 'kubernetes-types/core/v1'
import { confined, podOf } from './confined.ts'
import { labels, selectorOf } from './labels.ts'
import type { Manifest, Patch } from './manifest.ts'
import { podsOf, policy, tcp } from './network.ts'
import { SECRET, secretFile, secretKeys, secretsMount } from './secrets.ts'
import { disk, serverOf } from './servers.ts'
import { services } from './services.ts'

const BROKER = 'mosquitto'
export const MOSQUITTO_IMAGE = 'eclipse-mosquitto:2.0'
export const MOSQUITTO_FILES = 'mosquitto-files'
/** kubernetes.io/tls: `tls.crt` with its chain, `tls.key`. */
export const MQTTS_SECRET = 'mqtts-tls'
/** Of the public image. */
const MOSQUITTO_USER = 1_883
const [PLAIN, TLS] = [1_883, 8_883]
const listens: Probe = { tcpSocket: { port: BROKER }, timeoutSeconds: 3 }

export const broker: Manifest[] = [
  serverOf(BROKER, PLAIN),
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: BROKER, labels: labels(BROKER, 'server') },
    spec: {
      serviceName: BROKER,
      // A cluster of brokers is another product (docs/deployment.md); this one is back in seconds, and nothing is lost meanwhile.
      replicas: 1,
      selector: { matchLabels: selectorOf(BROKER) },
      template: {
        metadata: { labels: labels(BROKER, 'server') },
        spec: podOf(MOSQUITTO_USER, {
          terminationGracePeriodSeconds: 10,
          containers: [
            confined({
              name: BROKER,
              image: MOSQUITTO_IMAGE,
              command: ['sh', '/switchyard/start.sh'],
              env: [
                { name: 'MQTT_ADMIN_USERNAME', value: 'switchyard-admin' },
                { name: 'MQTT_ADMIN_PASSWORD_FILE', value: secretFile('mqtt_admin_password') },
              ],
              ports: [{ name: BROKER, containerPort: PLAIN }],
              startupProbe: { ...listens, periodSeconds: 2, failureThreshold: 30 },
              livenessProbe: { ...listens, periodSeconds: 10, failureThreshold: 3 },
              readinessProbe: { ...listens, periodSeconds: 5, failureThreshold: 2 },
              resources: {
                requests: { cpu: '100m', memory: '128Mi' },
                limits: { cpu: '1', memory: '256Mi' },
              },
              volumeMounts: [
                secretsMount,
                { name: 'data', mountPath: '/mosquitto/data' },
                { name: 'files', mountPath: '/switchyard', readOnly: true },
              ],
            }),
          ],
          volumes: [
            secretKeys(['mqtt_admin_password']),
            { name: 'files', configMap: { name: MOSQUITTO_FILES } },
          ],
        }),
      },
      // It holds the only copy of the sites' password hashes (deploy/brokers/mosquitto/README.md).
      volumeClaimTemplates: [disk('1Gi')],
    },
  },
  policy(BROKER, {
    podSelector: { matchLabels: selectorOf(BROKER) },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: services.filter((it) => it.broker).map((it) => podsOf(it.name)), ports: tcp(PLAIN) }],
  }),
  ...services
    .filter((it) => it.broker)
    .map((it) =>
      policy(`${it.name}-to-broker`, {
        podSelector: { matchLabels: selectorOf(it.name) },
        policyTypes: ['Egress'],
        egress: [{ to: [podsOf(BROKER)], ports: tcp(PLAIN) }],
      }),
    ),
]

/** Sites come to a balancer of their own, on TCP: the ingress controller speaks HTTP. */
export const brokerTls: Manifest[] = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'mqtts', labels: labels(BROKER, 'server') },
    spec: {
      type: 'LoadBalancer',
      selector: selectorOf(BROKER),
      ports: [{ name: 'mqtts', port: TLS, targetPort: 'mqtts' }],
    },
  },
  policy('sites-to-broker', {
    podSelector: { matchLabels: selectorOf(BROKER) },
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0' } }], ports: tcp(TLS) }],
  }),
]

/** The listener of deploy/compose/mosquitto-tls.conf, with its certificate where that file looks for it. */
export const brokerTlsPatch: Patch = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: BROKER },
  spec: {
    template: {
      spec: {
        containers: [{ name: BROKER, ports: [{ name: 'mqtts', containerPort: TLS }] }],
        // In place of the Secret alone, which goes: one folder, two sources.
        volumes: [
          {
            name: 'secrets',
            secret: null,
            projected: {
              defaultMode: 0o440,
              sources: [
                {
                  secret: {
                    name: SECRET,
                    items: [{ key: 'mqtt_admin_password', path: 'mqtt_admin_password' }],
                  },
                },
                {
                  secret: {
                    name: MQTTS_SECRET,
                    items: [
                      { key: 'tls.crt', path: 'tls_certificate' },
                      { key: 'tls.key', path: 'tls_key' },
                    ],
                  },
                },
              ],
            },
          },
        ],
      },
    },
  },
}
