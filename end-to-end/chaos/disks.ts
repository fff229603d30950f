/** Small disks that can be filled, each a file system of its own in memory: making one needs root. */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const FILL_BYTES = 1024 * 1024

/** A folder as a disk of its own that can be filled; needs root. */
export function mountDisk(folder: string, megabytes: number): void {
  mkdirSync(folder, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', folder], {
    stdio: 'pipe',
  })
  chmodSync(folder, 0o755)
}

/** The disk goes; with `keep`, what was on it stays beside it. */
export function endDisk(folder: string, keep: boolean): void {
  if (keep) cpSync(folder, `${folder}-kept`, { recursive: true })
  execFileSync('umount', ['-l', folder], { stdio: 'pipe' })
}

/** Takes all room on a disk, until the function that comes back gives it back. */
export async function fillDisk(folder: string): Promise<() => void> {
  const file = join(folder, 'something-else')
  await fill(file)
  return () => rmSync(file, { force: true })
}

/** Writes until there is no more room. */
function fill(file: string): Promise<void> {
  return new Promise((resolve) => {
    const stream = createWriteStream(file)
    const bytes = Buffer.alloc(FILL_BYTES)
    stream.once('error', () => resolve())
    const more = (): void => {
      while (!stream.destroyed && stream.write(bytes)) {}
    }
    stream.on('drain', more)
    more()
  })
}
