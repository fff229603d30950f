/** Who may speak to whom. Everything is closed; what is open here follows from the table of services. */
import type {
  NetworkPolicyEgressRule,
  NetworkPolicyIngressRule,
  NetworkPolicyPeer,
  NetworkPolicySpec,
} from 'kubernetes-types/networking/v1'
import { type Role, selectorOf, selectorOfRole } from './labels.ts'
import type { Manifest } from './manifest.ts'
import { type CloudService, services } from './services.ts'
import { portOf } from './settings-of-cloud.ts'

/** Where the ingress controller's pods are. */
export const INGRESS_NAMESPACE = 'ingress-nginx'
/** Networks that are nobody else's (RFC 1918, RFC 6598, RFC 3927): what asks the internet has no business there. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16']

export const policy = (name: string, spec: NetworkPolicySpec): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name },
  spec,
})

export const podsOf = (name: string): NetworkPolicyPeer => ({
  podSelector: { matchLabels: selectorOf(name) },
})
export const podsWithRole = (role: Role): NetworkPolicyPeer => ({
  podSelector: { matchLabels: selectorOfRole(role) },
})
export const namespaceOf = (name: string): NetworkPolicyPeer => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
})
export const tcp = (...ports: number[]) => ports.map((port) => ({ protocol: 'TCP' as const, port }))

/** For all pods of the namespace: nothing in, nothing out but names. */
export const closed: Manifest[] = [
  policy('closed', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
  policy('names', {
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [
      {
        to: [{ ...namespaceOf('kube-system'), podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }],
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ],
      },
    ],
  }),
]

export function servicePolicy(service: CloudService): Manifest {
  const askers = services.filter((it) => it.asks.includes(service.name)).map((it) => podsOf(it.name))
  if (service.paths) askers.push(namespaceOf(INGRESS_NAMESPACE))
  const ingress: NetworkPolicyIngressRule[] = [{ from: askers, ports: tcp(portOf(service.name)) }]
  const egress: NetworkPolicyEgressRule[] = service.asks.map((it) => ({
    to: [podsOf(it)],
    ports: tcp(portOf(it)),
  }))
  if (service.internet)
    egress.push({ to: [{ ipBlock: { cidr: '0.0.0.0/0', except: PRIVATE } }], ports: tcp(80, 443) })
  return policy(service.name, {
    podSelector: { matchLabels: selectorOf(service.name) },
    policyTypes: ['Ingress', 'Egress'],
    // A rule without peers would let everybody in.
    ...(askers.length > 0 ? { ingress } : {}),
    ...(egress.length > 0 ? { egress } : {}),
  })
}
