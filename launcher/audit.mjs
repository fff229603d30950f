// `npm run audit`: the packages that the programs ship with have permissive licences, and none that runs is known to be vulnerable at the level
// `high` or above. Ends with 1 where something is wrong; a registry that answers no audits is said so and fails nothing, unless --strict.
import { execFile } from 'node:child_process'
import { parseArgs } from 'node:util'
import { LEVEL, readAdvisories } from './advisories.mjs'
import { install, pnpmCommand } from './install.mjs'
import { PROJECT } from './project.mjs'

const AUDIT_TIMEOUT_MS = 120_000
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

const { values } = parseArgs({ options: { strict: { type: 'boolean' } } })
if (!(await install())) process.exit(1)
const { licenceProblems, PROGRAMS, shippedPackages } = await import('./shipped.mjs')
const problems = licences()
const told = await audit()
for (const it of [...problems, ...told.problems]) console.error(it)
const failed = problems.length + told.problems.length + (values.strict && told.skipped ? 1 : 0)
console.log(told.skipped ?? `no package that runs is known to be vulnerable at level ${LEVEL}`)
process.exitCode = failed > 0 ? 1 : 0

function licences() {
  const all = Object.keys(PROGRAMS).map((it) => [it, shippedPackages(it)])
  for (const [program, packages] of all) console.log(`${program}: ${packages.length} packages`)
  return [...new Set(all.flatMap(([, packages]) => licenceProblems(packages)))]
}

/** Asks the registry by pnpm, of the packages of production. */
async function audit() {
  const { file, args, env } = pnpmCommand(['audit', '--prod', '--audit-level', LEVEL, '--json'])
  const text = await new Promise((resolve) =>
    execFile(
      file,
      args,
      { cwd: PROJECT, env, timeout: AUDIT_TIMEOUT_MS, maxBuffer: MAX_ANSWER_BYTES },
      (_, stdout) => resolve(stdout),
    ),
  )
  return readAdvisories(text)
}
