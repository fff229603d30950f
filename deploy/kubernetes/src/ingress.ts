/** What is reached from outside, one host each: the API with the dashboard, stations over wss, files of sites. */
import { labels } from './labels.ts'
import type { Manifest } from './manifest.ts'
import { services } from './services.ts'
import type { TargetName } from './settings-of-cloud.ts'

/** Longer than the quietest socket: stations are pinged more often, and event streams say that they are alive. */
const QUIET_SECONDS = 600
/** Files travel in pieces of 1 MiB (docs/files.md). */
const LARGEST_BODY = '2m'

export interface Outside {
  /** Host by service; those without are not reached from outside. */
  hosts: Readonly<Partial<Record<TargetName, string>>>
  /** Certificates are cert-manager's, by that issuer; undefined: no TLS, for a cluster on your own machine. */
  issuer?: string
}

/** For ingress-nginx, as far as annotations go; another controller takes the rest. */
export function ingresses({ hosts, issuer }: Outside): Manifest[] {
  return services.flatMap(({ name, paths = [] }): Manifest[] => {
    const host = hosts[name]
    if (!host || paths.length === 0) return []
    return [
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: {
          name,
          labels: labels(name, 'service'),
          annotations: {
            'nginx.ingress.kubernetes.io/proxy-read-timeout': String(QUIET_SECONDS),
            'nginx.ingress.kubernetes.io/proxy-send-timeout': String(QUIET_SECONDS),
            'nginx.ingress.kubernetes.io/proxy-body-size': LARGEST_BODY,
            'nginx.ingress.kubernetes.io/proxy-buffering': 'off',
            ...(issuer
              ? {
                  'cert-manager.io/cluster-issuer': issuer,
                  'nginx.ingress.kubernetes.io/force-ssl-redirect': 'true',
                }
              : {}),
          },
        },
        spec: {
          ingressClassName: 'nginx',
          ...(issuer ? { tls: [{ hosts: [host], secretName: `${name}-tls` }] } : {}),
          rules: [
            {
              host,
              http: {
                paths: paths.map((path) => ({
                  path,
                  pathType: 'Prefix',
                  backend: { service: { name, port: { name: 'http' } } },
                })),
              },
            },
          ],
        },
      },
    ]
  })
}
