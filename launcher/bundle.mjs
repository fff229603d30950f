import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as esbuild from 'esbuild'
import { PROJECT } from './project.mjs'

/**
 * Bundles one package's programs into its dist/, or a folder in it. Workspace packages and what they bring are bundled;
 * the package's own npm dependencies stay imports (native addons among them), resolved from its node_modules.
 * Planted bugs (protocol/src/mutation.ts) can be turned on with `mutations`, and are not there without.
 */
export async function bundle(name, entries, { mutations = false, into = 'dist' } = {}) {
  const folder = join(PROJECT, name)
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const external = Object.keys(dependencies)
    .filter((it) => !it.startsWith('@switchyard/'))
    .flatMap((it) => [it, `${it}/*`])
  const outdir = join(folder, into)
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
      plugins: mutations ? [] : [withoutMutations],
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

/** Writes `false` in place of every planted bug's switch. */
const withoutMutations = {
  name: 'without-mutations',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes('node_modules')) return undefined
      const text = await readFile(path, 'utf8')
      if (!text.includes('mutated(')) return undefined
      return { contents: text.replace(/\bmutated\('[a-z-]+'\)/g, 'false'), loader: 'ts' }
    })
  },
}
