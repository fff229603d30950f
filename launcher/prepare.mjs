import { join } from 'node:path'
import { takeLock } from './lock.mjs'
import { PROJECT } from './project.mjs'

const LOCK = join(PROJECT, 'node_modules', '.switchyard', 'preparing')
const POLL_MS = 500

/**
 * Installs and builds what changed. One start of a checkout does so at a time: others wait, then find it done.
 * False when something failed and was explained.
 */
export async function prepare() {
  const lock = await takeTurn()
  try {
    const { install } = await import('./install.mjs')
    if (!(await install())) return false
    const { build } = await import('./build.mjs')
    return await build()
  } finally {
    lock.release()
  }
}

async function takeTurn() {
  for (let said = false; ; said = true) {
    const lock = takeLock(LOCK)
    if (lock.release) return lock
    if (!said)
      console.log(
        `Another start (process ${lock.holder.pid}) installs or builds this checkout; waiting for it`,
      )
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
