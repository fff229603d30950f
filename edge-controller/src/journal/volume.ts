/** The disk under the journal's file, beyond what SQLite does with it: how much is free, and the reserve. */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { Reserve } from './reserve.ts'

export interface Volume {
  space(): { freeBytes: number; capacityBytes: number }
  reserve: Pick<Reserve, 'heldBytes' | 'grow' | 'release'>
}

export function volumeOf(file: string): Volume {
  return {
    space() {
      const { bavail, blocks, bsize } = statfsSync(dirname(file))
      return { freeBytes: bavail * bsize, capacityBytes: blocks * bsize }
    },
    reserve: new Reserve(`${file}-reserve`),
  }
}
