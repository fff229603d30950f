/** A program, and the workspace packages that it is made of. */
export const PROGRAMS: Record<'cloud' | 'edge-controller' | 'simulators', string[]>
/** An npm package as its manifest tells, with its hash from the lockfile. */
export interface Shipped {
  name: string
  version: string
  license?: unknown
  description?: string
  integrity?: string
}
export function shippedPackages(program: keyof typeof PROGRAMS): Shipped[]
/** What is wrong with the licences of packages, a line each. */
export function licenceProblems(packages: readonly Shipped[]): string[]
