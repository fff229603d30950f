/**
 * Postgres and Redis in the cluster, one of each: for evaluation. An installation that matters takes managed ones, or those of an operator,
 * whose addresses stand in the Secret; then this component is left out, and nothing else changes.
 */
import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1'
import { confined, memory, podOf, USER } from './confined.ts'
import { labels, selectorOf } from './labels.ts'
import type { Manifest } from './manifest.ts'
import { podsOf, podsWithRole, policy, tcp } from './network.ts'
import { secretFile, secretKeys, secretsMount } from './secrets.ts'

export const POSTGRES_IMAGE = 'postgres:17-bookworm'
export const REDIS_IMAGE = 'redis:7.2-bookworm'
/** Of the public image. */
const POSTGRES_USER = 999
/** Connections that the server allows; the budget of an environment that has this component. */
export const POSTGRES_CONNECTIONS = 200
/** The same words as in docker-compose.yml: the password goes through a file in memory, as arguments can be seen. */
const REDIS_START = [
  'umask 077',
  `{ printf 'requirepass '; cat ${secretFile('redis_password')}; printf '\\nprotected-mode no\\nsave ""\\nappendonly no\\nmaxmemory 128mb\\nmaxmemory-policy allkeys-lru\\n'; } >/tmp/redis.conf`,
  'exec redis-server /tmp/redis.conf',
].join('; ')
const REDIS_ANSWERS = `REDISCLI_AUTH="$(cat ${secretFile('redis_password')})" redis-cli ping | grep -q PONG`
const answers = (command: string[]) => ({ exec: { command }, timeoutSeconds: 3 })
const STARTUP = { periodSeconds: 2, failureThreshold: 60 }

export const serverOf = (name: string, port: number): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, labels: labels(name, 'server') },
  spec: { selector: selectorOf(name), ports: [{ name, port, targetPort: name }] },
})

/** A disk of the cluster's default class. */
export const disk = (storage: string): PersistentVolumeClaim => ({
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
})

const POSTGRES_ANSWERS = answers(['pg_isready', '-q', '-h', '127.0.0.1', '-U', 'switchyard'])

export const postgres: Manifest[] = [
  serverOf('postgres', 5432),
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'postgres', labels: labels('postgres', 'server') },
    spec: {
      serviceName: 'postgres',
      replicas: 1,
      selector: { matchLabels: selectorOf('postgres') },
      template: {
        metadata: { labels: labels('postgres', 'server') },
        spec: podOf(POSTGRES_USER, {
          terminationGracePeriodSeconds: 60,
          containers: [
            confined({
              name: 'postgres',
              image: POSTGRES_IMAGE,
              args: ['postgres', '-c', `max_connections=${POSTGRES_CONNECTIONS}`],
              env: [
                { name: 'POSTGRES_USER', value: 'switchyard' },
                { name: 'POSTGRES_DB', value: 'switchyard' },
                { name: 'POSTGRES_PASSWORD_FILE', value: secretFile('postgres_password') },
                { name: 'PGDATA', value: '/var/lib/postgresql/data/pgdata' },
              ],
              ports: [{ name: 'postgres', containerPort: 5432 }],
              startupProbe: { ...POSTGRES_ANSWERS, ...STARTUP },
              livenessProbe: { ...POSTGRES_ANSWERS, periodSeconds: 10, failureThreshold: 6 },
              readinessProbe: { ...POSTGRES_ANSWERS, periodSeconds: 5, failureThreshold: 2 },
              resources: {
                requests: { cpu: '250m', memory: '512Mi' },
                limits: { cpu: '2', memory: '1Gi' },
              },
              volumeMounts: [
                secretsMount,
                { name: 'data', mountPath: '/var/lib/postgresql/data' },
                { name: 'socket', mountPath: '/var/run/postgresql' },
                { name: 'shared-memory', mountPath: '/dev/shm' },
              ],
            }),
          ],
          volumes: [
            secretKeys(['postgres_password']),
            memory('socket', '1Mi'),
            memory('shared-memory', '128Mi'),
          ],
        }),
      },
      volumeClaimTemplates: [disk('10Gi')],
    },
  },
]

/** Nothing in it needs to last. */
export const redis: Manifest[] = [
  serverOf('redis', 6379),
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'redis', labels: labels('redis', 'server') },
    spec: {
      replicas: 1,
      selector: { matchLabels: selectorOf('redis') },
      // Two at once would be two truths.
      strategy: { type: 'Recreate' },
      template: {
        metadata: { labels: labels('redis', 'server') },
        spec: podOf(USER, {
          containers: [
            confined({
              name: 'redis',
              image: REDIS_IMAGE,
              command: ['sh', '-c', REDIS_START],
              ports: [{ name: 'redis', containerPort: 6379 }],
              startupProbe: { ...answers(['sh', '-c', REDIS_ANSWERS]), ...STARTUP },
              livenessProbe: {
                ...answers(['sh', '-c', REDIS_ANSWERS]),
                periodSeconds: 10,
                failureThreshold: 3,
              },
              readinessProbe: {
                ...answers(['sh', '-c', REDIS_ANSWERS]),
                periodSeconds: 5,
                failureThreshold: 2,
              },
              resources: {
                requests: { cpu: '50m', memory: '64Mi' },
                limits: { cpu: '1', memory: '256Mi' },
              },
              volumeMounts: [secretsMount, { name: 'data', mountPath: '/data' }],
            }),
          ],
          volumes: [secretKeys(['redis_password']), memory('data', '16Mi')],
        }),
      },
    },
  },
]

/** In and out: services and the migration reach Postgres, services reach Redis; neither has a way out. */
export const serverPolicies: Manifest[] = [
  policy('postgres', {
    podSelector: { matchLabels: selectorOf('postgres') },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [podsWithRole('service'), podsWithRole('migration')], ports: tcp(5432) }],
  }),
  policy('redis', {
    podSelector: { matchLabels: selectorOf('redis') },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [podsWithRole('service')], ports: tcp(6379) }],
  }),
  policy('services-to-servers', {
    podSelector: podsWithRole('service').podSelector!,
    policyTypes: ['Egress'],
    egress: [
      { to: [podsOf('postgres')], ports: tcp(5432) },
      { to: [podsOf('redis')], ports: tcp(6379) },
    ],
  }),
  policy('migration-to-postgres', {
    podSelector: podsWithRole('migration').podSelector!,
    policyTypes: ['Egress'],
    egress: [{ to: [podsOf('postgres')], ports: tcp(5432) }],
  }),
]

/** In place of the component: the way to managed servers, which are in that network. */
export const managedServerPolicies = (cidr: string): Manifest[] => [
  policy('services-to-managed-servers', {
    podSelector: podsWithRole('service').podSelector!,
    policyTypes: ['Egress'],
    egress: [{ to: [{ ipBlock: { cidr } }], ports: tcp(5432, 6379) }],
  }),
  policy('migration-to-managed-servers', {
    podSelector: podsWithRole('migration').podSelector!,
    policyTypes: ['Egress'],
    egress: [{ to: [{ ipBlock: { cidr } }], ports: tcp(5432) }],
  }),
]
