/** What holds for every pod: no root, no capability, a root that cannot be written, no account of the cluster. */
import type {
  Container,
  PodSecurityContext,
  PodSpec,
  SecurityContext,
  Volume,
} from 'kubernetes-types/core/v1'

/** Of the images' own user (Dockerfile). */
export const USER = 10_001
export const SERVICE_ACCOUNT = 'switchyard'
/** How long a stopping pod goes on serving while proxies and other nodes learn that it leaves. */
export const DRAIN_SECONDS = 5

const containerSecurity: SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
}

const podSecurity = (user: number): PodSecurityContext => ({
  runAsNonRoot: true,
  runAsUser: user,
  runAsGroup: user,
  fsGroup: user,
  fsGroupChangePolicy: 'OnRootMismatch',
  seccompProfile: { type: 'RuntimeDefault' },
})

/** A container that may write to /tmp alone, in memory, beside its own volumes. */
export function confined(it: Container): Container {
  return {
    ...it,
    imagePullPolicy: 'IfNotPresent',
    securityContext: containerSecurity,
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...(it.volumeMounts ?? [])],
  }
}

/**
 * The rest of a pod around such containers. `enableServiceLinks` is off: the cluster would put STATION_SERVICE_PORT and its like into
 * the environment, which are names of our settings, with values of another shape.
 */
export function podOf(user: number, it: PodSpec): PodSpec {
  return {
    serviceAccountName: SERVICE_ACCOUNT,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: podSecurity(user),
    ...it,
    volumes: [memory('tmp', '64Mi'), ...(it.volumes ?? [])],
  }
}

/** A volume in memory, which counts against the container's limit. */
export const memory = (name: string, sizeLimit: string): Volume => ({
  name,
  emptyDir: { medium: 'Memory', sizeLimit },
})
