import { randomBytes } from 'node:crypto'

const SECRET_BYTES = 24
const ID_BYTES = 6

/** The launcher's only source of randomness: secrets (192 bits) and the id of a home. */
export const newSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url')
export const newHomeId = (): string => randomBytes(ID_BYTES).toString('hex')
