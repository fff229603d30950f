/** Taste and layout of the whole checkout, enforced: import rule, cycles, banned calls, dead files, sizes and names. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const PACKAGES = [
  'protocol',
  'tracing',
  'edge-controller',
  'cloud',
  'simulators',
  'launcher',
  'end-to-end',
  'deploy/kubernetes',
]
const SKIPPED = new Set(['node_modules', 'dist', 'generated', 'coverage', '.switchyard'])
const MAX_LINES = 500
/** A test reads like a session, from top to bottom, and may take longer to tell. */
const MAX_TEST_LINES = 700

type Import = { target: string; typeOnly: boolean }
type Source = { path: string; text: string; imports: Import[] }

const sources = new Map(PACKAGES.flatMap((it) => [...read(it)]).map((it) => [it.path, it]))
const all = [...sources.values()]
const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path)
/** What tests alone use: fixtures, harnesses, transcripts and what replays them, and the end-to-end package as a whole. */
const isTestSupport = (path: string): boolean =>
  isTest(path) ||
  /\.fixture\.ts$|(^|\/)test(ing)?(-[\w-]+)?\.ts$|\/testing\/|\/transcript(-replay)?\.ts$/.test(path) ||
  path.startsWith('end-to-end/') ||
  path === 'protocol/generate/arbitrary-payload.ts'
const isProduct = (path: string): boolean => !isTestSupport(path)

function* read(folder: string): Generator<Source> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* read(path)
    else if (/\.(ts|tsx|mjs)$/.test(entry.name) && !/\.d\.m?ts$/.test(entry.name)) {
      const text = readFileSync(join(ROOT, path), 'utf8')
      yield { path, text, imports: importsOf(path, text) }
    }
  }
}

/** Every file or package that a source names: imports, re-exports, dynamic imports, workers and processes by URL. */
function importsOf(path: string, text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const found: Import[] = []
  const add = (name: string, typeOnly: boolean): void => {
    found.push({ target: name.startsWith('.') ? normalize(join(dirname(path), name)) : ours(name), typeOnly })
  }
  for (const match of code.matchAll(/^\s*(?:import|export)\s+(type\s)?[^'"`;]*?from\s*'([^']+)'/gm))
    add(match[2]!, match[1] !== undefined)
  for (const match of code.matchAll(/^\s*import\s+'([^']+)'/gm)) add(match[1]!, false)
  // Loaded when it runs, so it closes no cycle at load; it counts as an import all the same.
  for (const match of code.matchAll(/\bimport\(\s*'([^']+)'/g)) add(match[1]!, true)
  for (const match of code.matchAll(/new URL\(\s*'(\.{1,2}\/[^']+)\.(m?)[jt]s'/g))
    if (!match[1]!.includes('/dist/')) add(`${match[1]}.${match[2] ? 'mjs' : 'ts'}`, true)
  return found
}

/** `@switchyard/protocol/x.ts` is the file protocol/src/x.ts. */
function ours(name: string): string {
  return name.replace(/^@switchyard\/([\w-]+)\//, (_, pkg: string) => `${pkg}/src/`)
}

const packageOf = (path: string): string =>
  ['cloud/dashboard', 'deploy/kubernetes'].find((it) => path.startsWith(`${it}/`)) ?? path.split('/')[0] ?? ''
const cloudPart = (path: string): string | undefined => /^cloud\/src\/([\w-]+)\//.exec(path)?.[1]

/** What is wrong with `from` importing `target`; undefined when the rule of docs/architecture.md, section 3, allows it. */
function importProblem(from: string, target: string): string | undefined {
  if (!PACKAGES.includes(packageOf(target)) && !target.startsWith('cloud/dashboard/')) {
    if (target.startsWith('.')) return 'outside of the checkout'
    if (target === 'better-sqlite3' && !from.startsWith('edge-controller/src/journal/') && isProduct(from))
      return 'only journal/ speaks SQLite'
    if (/^node:/.test(target) && from.startsWith('protocol/src/') && isProduct(from))
      return 'protocol is pure: no I/O'
    return undefined
  }
  const [here, there] = [packageOf(from), packageOf(target)]
  if (here === there) {
    const [part, other] = [cloudPart(from), cloudPart(target)]
    if (part && other && part !== other && other !== 'platform')
      return 'a service imports platform and protocol, never another service'
    if (part === 'platform' && !other && isProduct(from)) return 'platform knows no assembly'
    return undefined
  }
  // One way to find ports for whatever tests start.
  if ((here === 'end-to-end' || !isProduct(from)) && target === 'launcher/free-ports.mjs') return undefined
  if (here === 'end-to-end')
    return there === 'protocol' || there === 'simulators'
      ? undefined
      : 'it drives programs, not their insides'
  if (there === 'protocol' && here !== 'launcher') return undefined
  if (there === 'tracing' && (here === 'cloud' || here === 'edge-controller')) return undefined
  // Manifests are written in the names of settings and services that the programs read.
  if (here === 'deploy/kubernetes' && target.startsWith('cloud/src/platform/')) return undefined
  // One page of settings for two programs.
  if (from === 'launcher/src/configuration-document.test.ts') return undefined
  const face = target === 'edge-controller/src/site-controller.ts'
  if (face && (from.startsWith('cloud/src/ocpp-gateway/') || from.startsWith('simulators/src/world/')))
    return undefined
  // One suite for every implementation of the journal port.
  const contract = target === 'edge-controller/src/journal/testing/journal-contract.ts'
  if (contract && from.startsWith('cloud/src/ocpp-gateway/') && isTest(from)) return undefined
  return `${here} may not import ${there}`
}

describe('imports', () => {
  test('follow the import rule', () => {
    const wrong = all.flatMap(({ path, imports }) =>
      imports.flatMap(({ target }) => {
        const problem = importProblem(path, target)
        return problem ? [`${path} -> ${target}: ${problem}`] : []
      }),
    )
    expect(wrong).toEqual([])
  })

  test('make no cycles', () => {
    const state = new Map<string, 'open' | 'done'>()
    const cycles: string[] = []
    const visit = (path: string, trail: string[]): void => {
      if (state.get(path) === 'open') cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
      if (state.has(path)) return
      state.set(path, 'open')
      for (const { target, typeOnly } of sources.get(path)?.imports ?? [])
        if (!typeOnly && sources.has(target)) visit(target, [...trail, path])
      state.set(path, 'done')
    }
    for (const { path } of all) visit(path, [])
    expect(cycles).toEqual([])
  })

  test('reach every file from a program, a tool or a test', () => {
    const entries = all.filter(({ path }) => isEntry(path) || isTest(path)).map((it) => it.path)
    expect(all.map((it) => it.path).filter(notIn(reachable(entries)))).toEqual([])
  })

  test('leave no product file that only tests use', () => {
    const reached = reachable(all.filter(({ path }) => isEntry(path)).map((it) => it.path))
    const libraries = reachable(all.filter(({ path }) => path.startsWith('end-to-end/')).map((it) => it.path))
    expect(
      all.map((it) => it.path).filter((it) => isProduct(it) && notIn(reached)(it) && notIn(libraries)(it)),
    ).toEqual([])
  })
})

function isEntry(path: string): boolean {
  return (
    /\/(src|bench)\/main\.tsx?$|^end-to-end\/bench\/|^end-to-end\/(chaos\/(chaos|settled)|load\/under-load)\.ts$|\.config\.(ts|mjs)$/.test(
      path,
    ) ||
    /^launcher\/\w+\.mjs$|^protocol\/generate\/ocpp\.ts$/.test(path) ||
    [
      'edge-controller/src/journal/sqlite-worker.ts',
      'edge-controller/src/testing/write-journal.ts',
      'edge-controller/src/testing/write-stations.ts',
      'edge-controller/src/testing/replay-file.ts',
      'edge-controller/src/site-controller.ts',
      'launcher/src/test-database.ts',
      'simulators/src/world/simulate.ts',
      'launcher/src/test-postgres.ts',
      'launcher/src/site-setup.ts',
      'launcher/src/config-check.ts',
      'launcher/src/predeploy.ts',
      // The face of a version that the programs do not speak yet.
      'protocol/src/ocpp/v21.ts',
    ].includes(path)
  )
}

function reachable(from: string[]): Set<string> {
  const reached = new Set<string>()
  const queue = [...from]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    for (const { target } of sources.get(path)?.imports ?? []) queue.push(target)
  }
  return reached
}

const notIn =
  (set: Set<string>) =>
  (path: string): boolean =>
    !set.has(path)

/** Lines of code, comments left out, that match; as `file:line: code`. */
function linesWith(pattern: RegExp, where: (path: string) => boolean): string[] {
  return all
    .filter(({ path }) => where(path))
    .flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, at) =>
          pattern.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [],
        ),
    )
}

describe('banned', () => {
  test('reading the clock or randomness outside of the one file for it', () => {
    const calls = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\brandomUUID\(|\brandomBytes\(|\brandomInt\(/
    const allowed = /\/(clock|random)\.ts$/
    expect(linesWith(calls, (path) => isProduct(path) && !allowed.test(path))).toEqual([])
  })

  test('floats for money and energy', () => {
    const exact = (path: string): boolean =>
      /^protocol\/src\/(pricing\/|money|units)|^cloud\/src\/billing-service\//.test(path) && isProduct(path)
    expect(linesWith(/\bparseFloat\(/, exact)).toEqual([])
  })

  test("reading the environment outside of a configuration or a program's first file", () => {
    const allowed = (path: string): boolean =>
      !isProduct(path) ||
      path.startsWith('launcher/') ||
      /\/(config|main|[\w-]+\.config)\.ts$/.test(path) ||
      path.startsWith('simulators/src/cli/')
    expect(linesWith(/\bprocess\.env\b/, (path) => !allowed(path))).toEqual([])
  })
})

describe('files', () => {
  test(`have at most ${MAX_LINES} lines`, () => {
    expect(
      all
        .filter(({ path, text }) => text.split('\n').length > (isTest(path) ? MAX_TEST_LINES : MAX_LINES))
        .map((it) => it.path),
    ).toEqual([])
  })

  test('are named in kebab-case', () => {
    const named = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|fixture|config|d))?\.(ts|tsx|mjs)$/
    expect(all.map((it) => it.path).filter((path) => !named.test(basename(path)))).toEqual([])
  })

  test('say in their names what they are about', () => {
    const banned = /(^|[-/])(utils?|commons?|managers?|base|helpers?)([-./]|$)/
    expect(all.map((it) => it.path).filter((path) => banned.test(path))).toEqual([])
    expect(linesWith(/\b(class|function|interface)\s+\w*(Manager|Helper|Utils)\b/, isProduct)).toEqual([])
  })
})

test('the paths of this test are of this checkout', () => {
  expect(sources.has(relative(ROOT, fileURLToPath(import.meta.url)))).toBe(true)
})
