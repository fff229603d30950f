export type Identity = { pid: number; startTick: string; boot: string }
export type Lock = { release: () => void; holder?: undefined } | { holder: Identity; release?: undefined }

export function identityOf(pid: number): Identity | undefined
export function isAlive(recorded: Identity | undefined): boolean
export function readIdentity(file: string): Identity | undefined
export function writeIdentity(file: string, pid: number): void
export function takeLock(file: string): Lock
