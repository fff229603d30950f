// `npm run sbom -- [--out FOLDER]`: a CycloneDX 1.6 document (JSON) for each program: every npm package that it ships with, with
// version, licence and hash. Images hold theirs as /app/sbom.cdx.json. The same packages make the same document.
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Contrib, Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library'
import { PROJECT } from './project.mjs'
import { PROGRAMS, shippedPackages } from './shipped.mjs'

/** The document of a program, as text. */
export function sbomOf(program) {
  const { name, version, license } = JSON.parse(readFileSync(join(PROJECT, program, 'package.json'), 'utf8'))
  const bom = new Models.Bom()
  const own = component(Enums.ComponentType.Application, { name, version, license })
  bom.metadata.component = own
  for (const it of shippedPackages(program)) {
    const part = component(Enums.ComponentType.Library, it)
    bom.components.add(part)
    own.dependencies.add(part.bomRef)
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6))
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`
}

function component(type, { name, version, license, description, integrity }) {
  const [, group, bare] = /^(?:(@[^/]+)\/)?(.+)$/.exec(name)
  const purl = `pkg:npm/${group ? `${encodeURIComponent(group)}/` : ''}${bare}@${version}`
  const part = new Models.Component(type, bare, { version, description, purl, bomRef: purl })
  if (group) part.group = group
  if (license) part.licenses.add(new Contrib.License.Factories.LicenseFactory().makeFromString(license))
  if (integrity)
    part.hashes.set(
      Enums.HashAlgorithm['SHA-512'],
      Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex'),
    )
  return part
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(PROJECT, 'sbom') } } })
  mkdirSync(values.out, { recursive: true })
  for (const program of Object.keys(PROGRAMS)) {
    const text = sbomOf(program)
    const file = join(values.out, `${program}.cdx.json`)
    writeFileSync(file, text)
    console.log(`${file}: ${JSON.parse(text).components.length} packages`)
  }
}
