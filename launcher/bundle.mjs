import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as esbuild from 'esbuild'
import { PROJECT } from './project.mjs'

/**
 * Bundles one package's programs into its dist/. Workspace packages and what they bring are bundled;
 * the package's own npm dependencies stay imports (native addons among them), resolved from its node_modules.
 */
export async function bundle(name, entries) {
  const folder = join(PROJECT, name)
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const external = Object.keys(dependencies)
    .filter((it) => !it.startsWith('@switchyard/'))
    .flatMap((it) => [it, `${it}/*`])
  const outdir = join(folder, 'dist')
  try {
    await esbuild.build({
      entryPoints: entries.map((it) => join(folder, it)),
      outdir,
      entryNames: '[name]',
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      sourcemap: true,
      external,
      // CommonJS packages that are bundled ask for Node's own modules by `require`, which an ES module lacks.
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
      logLevel: 'warning',
      absWorkingDir: PROJECT,
    })
    return true
  } catch (error) {
    if (!('errors' in error)) throw error
    return false
  } finally {
    // Its helper process would otherwise live as long as the supervisor that was just built.
    await esbuild.stop()
  }
}
