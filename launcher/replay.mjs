// `npm run replay -- FILE`: installs, builds, and plays a recorded station against a controller of its own.
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { checkNodeVersion } from './node-version.mjs'

checkNodeVersion(process.versions.node)

const { PROJECT } = await import('./project.mjs')
const { prepare } = await import('./prepare.mjs')

if (!(await prepare())) process.exit(2)
const { bundle } = await import('./bundle.mjs')
const into = 'dist/replay'
if (!(await bundle('edge-controller', ['src/testing/replay-file.ts'], { into }))) process.exit(2)
const program = join(PROJECT, 'edge-controller', into, 'replay-file.js')
// npm runs this in the checkout, wherever it was called.
const files = process.argv.slice(2).map((it) => resolve(process.env.INIT_CWD ?? '.', it))
const child = spawn(process.execPath, ['--enable-source-maps', program, ...files], { stdio: 'inherit' })
child.on('exit', (code) => process.exit(code ?? 2))
