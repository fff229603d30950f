/** What is written to a cluster: the kinds that are used here, with their types, each told by `apiVersion` and `kind`. */
import type { Deployment, StatefulSet } from 'kubernetes-types/apps/v1'
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2'
import type { Job } from 'kubernetes-types/batch/v1'
import type { ConfigMap, Namespace, Service, ServiceAccount } from 'kubernetes-types/core/v1'
import type { Ingress, NetworkPolicy } from 'kubernetes-types/networking/v1'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'

type Named<T extends { apiVersion?: string; kind?: string }> = T & {
  apiVersion: NonNullable<T['apiVersion']>
  kind: NonNullable<T['kind']>
}

/** Kinds that a cluster knows by itself. */
export type Manifest =
  | Named<ConfigMap>
  | Named<Deployment>
  | Named<HorizontalPodAutoscaler>
  | Named<Ingress>
  | Named<Job>
  | Named<Namespace>
  | Named<NetworkPolicy>
  | Named<PodDisruptionBudget>
  | Named<Service>
  | Named<ServiceAccount>
  | Named<StatefulSet>

/** What kustomize builds from; of its fields those that are used here. */
export interface Kustomization {
  apiVersion: 'kustomize.config.k8s.io/v1beta1' | 'kustomize.config.k8s.io/v1alpha1'
  kind: 'Kustomization' | 'Component'
  namespace?: string
  resources?: string[]
  components?: string[]
  configMapGenerator?: { name: string; behavior?: 'create' | 'merge'; envs?: string[]; files?: string[] }[]
  patches?: { path: string; target?: { kind: string; name?: string; labelSelector?: string } }[]
  images?: { name: string; newName?: string; newTag?: string }[]
}

/** A change of something that the base has, found by kind and name. */
export interface Patch {
  apiVersion: string
  kind: string
  metadata: { name: string }
  spec?: object
  $patch?: 'delete'
}

export const component = (it: Omit<Kustomization, 'apiVersion' | 'kind'>): Kustomization => ({
  apiVersion: 'kustomize.config.k8s.io/v1alpha1',
  kind: 'Component',
  ...it,
})

export const kustomization = (it: Omit<Kustomization, 'apiVersion' | 'kind'>): Kustomization => ({
  apiVersion: 'kustomize.config.k8s.io/v1beta1',
  kind: 'Kustomization',
  ...it,
})
