// The npm packages that the programs ship with, by walking from each program as Node resolves: what runs beside a bundle, and what is
// bundled into it. Packages that only tests, builds and the launcher use are none of them.
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import parse from 'spdx-expression-parse'
import { PROJECT } from './project.mjs'

/** Each program, and the workspace packages that it is made of beside those they name themselves. */
export const PROGRAMS = {
  cloud: ['cloud', 'cloud/dashboard'],
  'edge-controller': ['edge-controller'],
  simulators: ['simulators'],
}

/** Licences under which something may be shipped (SPDX): none asks for the source of what it is part of. */
export const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
  'Zlib',
])

/** Packages of a program, each once, by name and version: `{ name, version, license, description, integrity }`. */
export function shippedPackages(program) {
  const integrity = integrities(readFileSync(join(PROJECT, 'pnpm-lock.yaml'), 'utf8'))
  const found = new Map()
  const seen = new Set()
  const walk = (folder) => {
    if (seen.has(folder)) return
    seen.add(folder)
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const { name, version, license, description, dependencies = {}, optionalDependencies = {} } = manifest
    const id = `${name}@${version}`
    if (!name.startsWith('@switchyard/'))
      found.set(id, { name, version, license, description, integrity: integrity.get(id) })
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const to = resolve(folder, dependency)
      if (to) walk(to)
      // Of another system, or left out where it was installed.
      else if (!(dependency in optionalDependencies))
        throw new Error(`${id} needs ${dependency}, which is not installed: run pnpm install`)
    }
  }
  for (const part of PROGRAMS[program]) walk(join(PROJECT, part))
  return [...found.values()].sort((a, b) => (a.name + a.version < b.name + b.version ? -1 : 1))
}

/** Where Node finds a package from a folder; undefined where it does not. */
function resolve(folder, name) {
  for (let at = folder; ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate)
    if (dirname(at) === at) return undefined
  }
}

/** `name@version` -> its hash, as the lockfile's `packages` has it. */
function integrities(lockfile) {
  const entry =
    /^ {2}'?((?:@[^/\s]+\/)?[^@\s/']+@[^\s(':]+)'?:\n {4}resolution: \{integrity: (sha512-[\w+/=]+)/gm
  return new Map([...lockfile.matchAll(entry)].map(([, id, hash]) => [id, hash]))
}

/** What is wrong with the licences of packages, a line each. */
export function licenceProblems(packages) {
  return packages.flatMap(({ name, version, license }) => {
    if (typeof license !== 'string') return [`${name}@${version}: tells no licence`]
    try {
      return isPermissive(parse(license))
        ? []
        : [`${name}@${version}: ${license} is not a permissive licence`]
    } catch {
      return [`${name}@${version}: "${license}" is no licence of SPDX`]
    }
  })
}

/** Of `A OR B` one may be chosen; `A AND B` hold both. */
function isPermissive(expression) {
  if ('license' in expression) return PERMISSIVE.has(expression.license) && !expression.plus
  const { left, right, conjunction } = expression
  return conjunction === 'or'
    ? isPermissive(left) || isPermissive(right)
    : isPermissive(left) && isPermissive(right)
}
