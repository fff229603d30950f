// `npm start`: checks Node, installs what is missing, builds what changed, then becomes the supervisor.
// Plain JavaScript without dependencies, in syntax old enough that an old Node reaches the version check.
import { checkNodeVersion } from './node-version.mjs'

checkNodeVersion(process.versions.node)

async function start() {
  const { readFlags, helpText } = await import('./flags.mjs')
  const flags = readFlags(process.argv.slice(2), process.env)
  if (flags.errors.length > 0) {
    for (const error of flags.errors) console.error(error)
    process.exitCode = 2
    return
  }
  if (flags.help) {
    console.log(helpText())
    return
  }
  const { prepare } = await import('./prepare.mjs')
  if (!(await prepare())) {
    process.exitCode = 1
    return
  }
  const { supervise } = await import('./dist/main.js')
  const { PROJECT } = await import('./project.mjs')
  await supervise(flags, PROJECT)
}

start().catch((error) => {
  console.error(error instanceof Error && error.stack ? error.stack : error)
  process.exitCode = 1
})
