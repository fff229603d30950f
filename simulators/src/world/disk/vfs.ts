/** SQLite's own way to its files (a VFS), led onto memory cards. One registration serves every card of a process. */
import init, { type Sqlite3Static } from '@sqlite.org/sqlite-wasm'
import type { Card, CardFault, CardFile } from './card.ts'

export const VFS_NAME = 'card'
/** One write of the card is this long at least. */
const SECTOR_BYTES = 512

export interface Sqlite {
  readonly api: Sqlite3Static
  /** From now on, files named `<id of the card>/<name>` lie on it. */
  insert(card: Card): void
  remove(card: Card): void
  /** Begins SQLite's own randomness anew, the same for every seed. */
  restart(): void
}

let loading: Promise<Sqlite> | undefined

/** The module is loaded once for a process: that takes longer than a whole seed. */
export function loadSqlite(): Promise<Sqlite> {
  loading ??= load()
  return loading
}

async function load(): Promise<Sqlite> {
  const quiet = { print() {}, printErr() {} }
  const api = await (init as unknown as (options: typeof quiet) => Promise<Sqlite3Static>)(quiet)
  const cards = new Map<string, Card>()
  install(api, cards)
  return {
    api,
    insert: (card) => void cards.set(card.id, card),
    remove: (card) => void cards.delete(card.id),
    restart: () => (api.capi.sqlite3_randomness as (bytes: number, into: number) => void)(0, 0),
  }
}

function install(api: Sqlite3Static, cards: ReadonlyMap<string, Card>): void {
  const { capi, wasm } = api
  const opened = new Map<number, { card: Card; file: CardFile; name: string; temporary: boolean }>()
  const placed = (pointer: number): { card: Card; name: string } | undefined => {
    const [id = '', name = ''] = wasm.cstrToJs(pointer)!.replace(/^\/+/, '').split('/')
    const card = cards.get(id)
    return card && { card, name }
  }
  const code = (fault: CardFault | undefined): number => {
    if (fault === undefined) return 0
    return fault === 'full' ? capi.SQLITE_FULL : capi.SQLITE_IOERR
  }
  let temporaries = 0

  const io = new capi.sqlite3_io_methods() as unknown as Record<string, unknown> & { pointer: number }
  // Without shared memory: a journal is opened by one process, exclusively.
  io.$iVersion = 1
  const vfs = new capi.sqlite3_vfs() as unknown as Record<string, unknown>
  vfs.$iVersion = 2
  vfs.$szOsFile = (capi.sqlite3_file as unknown as { structInfo: { sizeof: number } }).structInfo.sizeof
  vfs.$mxPathname = 512
  vfs.$zName = wasm.allocCString(VFS_NAME, false)

  const ioMethods = {
    xClose(handle: number) {
      const it = opened.get(handle)
      opened.delete(handle)
      if (it?.temporary) it.card.remove(it.name)
      return 0
    },
    xRead(handle: number, into: number, bytes: number, offset: bigint) {
      const { card, file } = opened.get(handle)!
      const target = wasm.heap8u().subarray(into, into + bytes)
      const got = card.read(file, Number(offset), target)
      if (typeof got !== 'number') return capi.SQLITE_IOERR_READ
      if (got === bytes) return 0
      target.fill(0, got)
      return capi.SQLITE_IOERR_SHORT_READ
    },
    xWrite(handle: number, from: number, bytes: number, offset: bigint) {
      const { card, file } = opened.get(handle)!
      return code(card.write(file, Number(offset), wasm.heap8u().subarray(from, from + bytes)))
    },
    xTruncate(handle: number, size: bigint) {
      const { card, file } = opened.get(handle)!
      return code(card.truncate(file, Number(size)))
    },
    xSync(handle: number) {
      const { card, file } = opened.get(handle)!
      return code(card.sync(file))
    },
    xFileSize(handle: number, out: number) {
      wasm.poke64(out, BigInt(opened.get(handle)!.file.size))
      return 0
    },
    xLock: () => 0,
    xUnlock: () => 0,
    xCheckReservedLock(_handle: number, out: number) {
      wasm.poke32(out, 0)
      return 0
    },
    xFileControl: () => capi.SQLITE_NOTFOUND,
    xSectorSize: () => SECTOR_BYTES,
    xDeviceCharacteristics: () => 0,
  }
  const vfsMethods = {
    xOpen(_vfs: number, name: number, handle: number, flags: number, out: number) {
      const temporary = name === 0
      const place = temporary ? undefined : placed(name)
      const card = place?.card ?? [...cards.values()][0]
      const fileName = place?.name ?? `temporary-${temporaries++}`
      const file = card?.open(fileName, (flags & capi.SQLITE_OPEN_CREATE) !== 0)
      if (!card || !file) return capi.SQLITE_CANTOPEN
      opened.set(handle, { card, file, name: fileName, temporary })
      const struct = new capi.sqlite3_file(handle) as unknown as { $pMethods: number; dispose(): void }
      struct.$pMethods = io.pointer
      struct.dispose()
      if (out) wasm.poke32(out, flags)
      return 0
    },
    xDelete(_vfs: number, name: number) {
      const place = placed(name)
      if (!place) return capi.SQLITE_IOERR_DELETE
      return code(place.card.remove(place.name))
    },
    xAccess(_vfs: number, name: number, _flags: number, out: number) {
      const place = placed(name)
      wasm.poke32(out, place?.card.exists(place.name) ? 1 : 0)
      return 0
    },
    xFullPathname(_vfs: number, name: number, bytes: number, out: number) {
      return wasm.cstrncpy(out, name, bytes) < bytes ? 0 : capi.SQLITE_CANTOPEN
    },
    /** Only temporary names and WAL salts are drawn from it: the same in every run. */
    xRandomness(_vfs: number, bytes: number, out: number) {
      const target = wasm.heap8u().subarray(out, out + bytes)
      for (let i = 0; i < bytes; i++) target[i] = (i * 151 + 7) & 0xff
      return bytes
    },
    xSleep: () => 0,
    xCurrentTime(_vfs: number, out: number) {
      wasm.poke64f(out, 2_440_587.5)
      return 0
    },
    xCurrentTimeInt64(_vfs: number, out: number) {
      wasm.poke64(out, 210_866_760_000_000n)
      return 0
    },
    xGetLastError: () => 0,
  }
  const installed = {
    io: { struct: io, methods: ioMethods },
    // The default one is what SQLite draws its own randomness from.
    vfs: { struct: vfs, methods: vfsMethods, asDefault: true },
  }
  ;(api as unknown as { vfs: { installVfs(what: typeof installed): void } }).vfs.installVfs(installed)
}
