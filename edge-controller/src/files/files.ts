/** The files of a site: the server for its stations over the folder on the box, and the way to the cloud. */
import { join } from 'node:path'
import type { Clock, FirmwareSource, Log, Random, UploadPlaces } from '../ports.ts'
import type { CloudAccess } from './cloud.ts'
import { listenFiles } from './file-server.ts'
import { FirmwareCache } from './firmware-cache.ts'
import { Forward } from './forward.ts'
import { UploadStore } from './upload-store.ts'

export interface FilesOptions {
  host: string
  port: number
  /** How stations reach the server; absent: by the address at which they reached the OCPP port. */
  url: string | undefined
  folder: string
  /** Most bytes of files that wait for the cloud, and the same of firmware. */
  maxBytes: number
  /** Absent: files stay at the site, and no firmware is fetched. */
  cloud: CloudAccess | undefined
  clock: Clock
  random: Random
  log: Log
}

export interface Files extends UploadPlaces, FirmwareSource {
  readonly port: number
  close(): Promise<void>
}

/** Rejects when the folder or the port cannot be used. */
export async function openFiles(options: FilesOptions): Promise<Files> {
  const { clock, random, log, cloud, folder, maxBytes } = options
  const store = new UploadStore({ folder, maxBytes, now: () => clock.now(), random, log })
  const firmware = new FirmwareCache({ ...options, folder: join(folder, 'firmware') })
  const forward = cloud && new Forward({ ...cloud, store, clock, random, log })
  const server = await listenFiles({ ...options, store, firmware, onUploaded: () => forward?.wake() })
  forward?.wake()
  return {
    port: server.port,
    open: server.open,
    fetch: server.fetch,
    place: server.place,
    async close() {
      await server.close()
      await forward?.stop()
    },
  }
}
