/** Small disks that can be filled, each a file system of its own in memory: making one needs root. */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

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

/** Writes until there is no more room: by a process of its own, as this one carries every byte of every link meanwhile. */
function fill(file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const program = spawn('dd', ['if=/dev/zero', `of=${file}`, 'bs=64k'], { stdio: 'ignore' })
    program.once('error', reject)
    program.once('exit', () => resolve())
  })
}
