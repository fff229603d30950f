import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OCPP_VERSIONS, type OcppVersion } from '../src/ocpp/version.ts'
import { packageVersion } from './schemas.ts'

/** `npx tsx protocol/generate/ocpp.ts`: types and validators of every OCPP message, into protocol/generated. */

const here = dirname(fileURLToPath(import.meta.url))
const target = join(here, '..', 'generated')
const stampFile = join(target, 'stamp')

const DIRECTORY: Record<OcppVersion, string> = { '1.6': 'v16', '2.0.1': 'v201', '2.1': 'v21' }
const FILES = ['types.ts', 'validators.js', 'validators.d.ts']

/** Changes with the generator and with the packages it reads or runs. */
function stampOfInputs(): string {
  const hash = createHash('sha256')
  for (const file of readdirSync(here).sort()) {
    if (file.endsWith('.ts') && !file.endsWith('.test.ts'))
      hash.update(file).update(readFileSync(join(here, file)))
  }
  for (const name of ['ocpp-rpc', 'typed-ocpp', 'ajv']) hash.update(`${name}@${packageVersion(name)}\n`)
  return hash.digest('hex')
}

function isCurrent(stamp: string): boolean {
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) return false
  return OCPP_VERSIONS.every((version) =>
    FILES.every((file) => existsSync(join(target, DIRECTORY[version], file))),
  )
}

/** Whole files only: another process may be reading, or generating the same. */
function writeWhole(file: string, text: string): void {
  const part = `${file}.${process.pid}.part`
  writeFileSync(part, text)
  renameSync(part, file)
}

const stamp = stampOfInputs()
if (!isCurrent(stamp)) {
  // Loaded only now: the usual run has nothing to do and should end at once.
  const [
    { readSchemas },
    { applyDecisions, PRIMARY_SOURCE },
    { emitTypes },
    { emitValidators, VALIDATORS_DECLARATION },
  ] = await Promise.all([
    import('./schemas.ts'),
    import('./cross-check.ts'),
    import('./emit-types.ts'),
    import('./emit-validators.ts'),
  ])
  for (const version of OCPP_VERSIONS) {
    const set = applyDecisions(await readSchemas(PRIMARY_SOURCE, version))
    const directory = join(target, DIRECTORY[version])
    mkdirSync(directory, { recursive: true })
    writeWhole(join(directory, 'types.ts'), emitTypes(set))
    writeWhole(join(directory, 'validators.js'), emitValidators(set))
    writeWhole(join(directory, 'validators.d.ts'), VALIDATORS_DECLARATION)
    console.log(`OCPP ${version}: ${set.messages.size} messages`)
  }
  writeWhole(stampFile, stamp)
}
