// `npm run config:check`, `npm run predeploy`: installs, builds, and runs one of the launcher's own tools; its options are passed on.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { checkNodeVersion } from './node-version.mjs'

checkNodeVersion(process.versions.node)

const { PROJECT } = await import('./project.mjs')
const { prepare } = await import('./prepare.mjs')

if (!(await prepare())) process.exit(1)
const [name, ...args] = process.argv.slice(2)
const program = join(PROJECT, 'launcher', 'dist', `${name}.js`)
const child = spawn(process.execPath, ['--enable-source-maps', program, ...args], { stdio: 'inherit' })
child.on('exit', (code) => process.exit(code ?? 1))
