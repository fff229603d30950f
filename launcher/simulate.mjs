// `npm run simulate`: installs, builds, and searches seeds of the deterministic simulator; its options are passed on.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { checkNodeVersion } from './node-version.mjs'

checkNodeVersion(process.versions.node)

const { PROJECT } = await import('./project.mjs')
const { prepare } = await import('./prepare.mjs')

if (!(await prepare())) process.exit(1)
const program = join(PROJECT, 'simulators', 'dist', 'world', 'simulate.js')
const child = spawn(process.execPath, ['--enable-source-maps', program, ...process.argv.slice(2)], {
  stdio: 'inherit',
})
child.on('exit', (code) => process.exit(code ?? 1))
