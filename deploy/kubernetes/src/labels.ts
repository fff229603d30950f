/** By what things find each other: the labels that Kubernetes recommends. */

/** What a thing is part of doing; the installation goes in this order, and network policies name it. */
export type Role = 'server' | 'migration' | 'service'

/** Of a thing that belongs to one program. */
export const labels = (name: string, role: Role): Record<string, string> => ({
  ...selectorOf(name),
  'app.kubernetes.io/component': role,
  'app.kubernetes.io/part-of': 'switchyard',
})

/** Chooses the pods of one program; a Deployment can never change it. */
export const selectorOf = (name: string): Record<string, string> => ({ 'app.kubernetes.io/name': name })

/** Chooses the pods of all programs with that role. */
export const selectorOfRole = (role: Role): Record<string, string> => ({
  'app.kubernetes.io/component': role,
})
